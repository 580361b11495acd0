"""What a hand does in a member to a managed object is put back, except what the member owns."""

import json

from tests.worlds import Cluster, config_map, deployment, duplicated, policy, selector_of, until

NOTE = config_map("note", text="from the hub")


def start(hub: Cluster, member: Cluster, ns: str) -> None:
    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("member1")), namespace=ns)
    until(lambda: member.config_map("note", ns), what="the ConfigMap in member1")


def test_an_edit_is_put_back(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member = members["member1"]
    start(hub, member, ns)
    patch = json.dumps({"data": {"text": "by hand", "more": "by hand"}})
    member.kubectl("patch", "configmap", "note", "--type=merge", "-p", patch, namespace=ns)
    until(
        lambda: (member.config_map("note", ns) or {})["data"] == {"text": "from the hub"}, what="the data as on the hub"
    )


def test_a_deletion_is_put_back(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member = members["member1"]
    start(hub, member, ns)
    member.kubectl("delete", "configmap", "note", namespace=ns)
    until(lambda: member.config_map("note", ns), what="the ConfigMap again")


def test_labels_of_others_stay(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member = members["member1"]
    start(hub, member, ns)
    member.kubectl("label", "configmap", "note", "mine=yes", namespace=ns)
    hub.kubectl("patch", "configmap", "note", "--type=merge", "-p", '{"data":{"text":"new"}}', namespace=ns)
    until(lambda: (member.config_map("note", ns) or {})["data"] == {"text": "new"}, what="the new text")
    assert (member.config_map("note", ns) or {})["metadata"]["labels"]["mine"] == "yes"


def test_what_a_member_owns_is_left_to_it(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member = members["member1"]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    hub.apply(service, policy("s", selector_of(service), placement=duplicated("member1")), namespace=ns)
    found = until(lambda: member.object("services", "s", ns), what="the Service in member1")
    address = found["spec"]["clusterIP"]
    hub.kubectl("label", "service", "s", "tier=front", namespace=ns)
    changed = until(
        lambda: (s := member.object("services", "s", ns) or {})["metadata"]["labels"]["tier"] == "front" and s,
        what="the label on the Service",
    )
    assert changed["spec"]["clusterIP"] == address


def test_an_object_that_was_there_before_is_not_touched(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member = members["member1"]
    member.apply(config_map("note", text="somebody else's"), namespace=ns)
    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("member1")), namespace=ns)

    def refused() -> str:
        items = (hub.binding("note-configmap", ns) or {})["status"]["aggregatedStatus"]
        return str(items[0].get("appliedMessage", ""))

    assert "already exists in the cluster member1" in until(refused, what="the refusal in the binding")
    hub.kubectl("delete", "configmap", "note", namespace=ns)
    until(lambda: hub.binding("note-configmap", ns) is None, what="the binding is gone")
    assert (member.config_map("note", ns) or {})["data"] == {"text": "somebody else's"}


def test_overwrite_takes_it_over(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member = members["member1"]
    member.apply(config_map("note", text="somebody else's"), namespace=ns)
    taken = policy("note", selector_of(NOTE), placement=duplicated("member1"), conflictResolution="Overwrite")
    hub.apply(NOTE, taken, namespace=ns)
    until(lambda: (member.config_map("note", ns) or {})["data"] == {"text": "from the hub"}, what="the hub's text")


def test_preserved_objects_outlive_their_template(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    member, app = members["member1"], deployment("kept", replicas=1)
    kept = policy("kept", selector_of(app), placement=duplicated("member1"), preserveResourcesOnDeletion=True)
    hub.apply(app, kept, namespace=ns)
    until(lambda: member.deployment("kept", ns), what="kept in member1")
    hub.kubectl("delete", "deploy", "kept", namespace=ns)
    until(lambda: hub.binding("kept-deployment", ns) is None, what="the binding is gone")
    found = until(lambda: member.deployment("kept", ns), what="kept still in member1")
    assert "karmada.io/managed" not in found["metadata"].get("labels", {})
