"""What is changed on the hub follows through: template, policy, deletion."""

from typing import Any

from tests.worlds import Cluster, deployment, duplicated, policy, selector_of, until, weighted

APP = deployment("app", replicas=4)


def placed(hub: Cluster, ns: str) -> dict[str, int]:
    binding = hub.binding("app-deployment", ns) or {}
    return {c["name"]: c["replicas"] for c in binding["spec"].get("clusters", [])}


def running(members: dict[str, Cluster], ns: str) -> dict[str, int]:
    """Replicas by member, of those that have the Deployment."""
    found = {name: member.deployment("app", ns) for name, member in members.items()}
    return {name: d["spec"]["replicas"] for name, d in found.items() if d is not None}


def start(hub: Cluster, members: dict[str, Cluster], ns: str, **weights: int) -> None:
    hub.apply(APP, policy("app", selector_of(APP), placement=weighted(**weights)), namespace=ns)
    until(lambda: running(members, ns) == placed(hub, ns) != {}, what="app runs where it is placed")


def test_scaling_the_template_scales_the_members(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    start(hub, members, ns, member1=1, member2=1)
    hub.kubectl("scale", "deploy/app", "--replicas=10", namespace=ns)
    until(lambda: running(members, ns) == {"member1": 5, "member2": 5}, what="five replicas each")
    hub.kubectl("scale", "deploy/app", "--replicas=2", namespace=ns)
    until(lambda: running(members, ns) == {"member1": 1, "member2": 1}, what="one replica each")


def test_a_new_image_and_a_new_label_arrive(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    start(hub, members, ns, member1=1, member2=1)
    hub.kubectl("set", "image", "deploy/app", "main=nginx:1.28", namespace=ns)
    hub.kubectl("label", "deploy/app", "tier=front", namespace=ns)

    def arrived() -> bool:
        found = [members[m].deployment("app", ns) or {} for m in ("member1", "member2")]
        images = [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in found]
        return images == ["nginx:1.28"] * 2 and all(d["metadata"]["labels"].get("tier") == "front" for d in found)

    until(arrived, what="image and label in both members")
    hub.kubectl("label", "deploy/app", "tier-", namespace=ns)
    until(
        lambda: "tier" not in (members["member1"].deployment("app", ns) or {})["metadata"]["labels"],
        what="the label goes again",
    )
    hub.kubectl("rollout", "status", "deploy/app", "--timeout=30s", namespace=ns)


def test_new_weights_move_replicas(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    start(hub, members, ns, member1=1, member2=1)
    hub.apply(policy("app", selector_of(APP), placement=weighted(member1=3, member2=1)), namespace=ns)
    until(lambda: running(members, ns) == {"member1": 3, "member2": 1}, what="three and one")


def test_another_cluster_in_the_policy_takes_over_and_the_old_one_is_cleaned(
    hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    start(hub, members, ns, member1=1, member2=1)
    hub.apply(policy("app", selector_of(APP), placement=weighted(member2=1, member3=1)), namespace=ns)
    until(lambda: running(members, ns) == {"member2": 2, "member3": 2}, what="app in member2 and member3 alone")
    until(
        lambda: "argosy.dev/leaving" not in (hub.binding("app-deployment", ns) or {})["metadata"]["annotations"],
        what="the binding knows that member1 is left",
    )


def test_duplicated_gives_every_member_all_replicas(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    hub.apply(APP, policy("app", selector_of(APP), placement=duplicated()), namespace=ns)
    until(lambda: running(members, ns) == dict.fromkeys(members, 4), what="four replicas everywhere")

    def total() -> bool:
        status: dict[str, Any] = (hub.deployment("app", ns) or {})["status"]
        return bool(status["readyReplicas"] == 12)

    until(total, what="the hub counts all twelve")


def test_deleting_the_template_removes_it_everywhere(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    start(hub, members, ns, member1=1, member2=1)
    hub.kubectl("delete", "deploy", "app", namespace=ns)
    until(lambda: running(members, ns) == {}, what="app is gone from the members")
    until(lambda: hub.binding("app-deployment", ns) is None, what="the binding is gone")


def test_deleting_the_policy_leaves_what_runs_and_releases_the_template(
    hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    start(hub, members, ns, member1=1, member2=1)
    hub.kubectl("delete", "pp", "app", namespace=ns)

    def released() -> bool:
        template, binding = hub.deployment("app", ns) or {}, hub.binding("app-deployment", ns) or {}
        label = "propagationpolicy.karmada.io/permanent-id"
        return all(label not in found["metadata"].get("labels", {}) for found in (template, binding))

    until(released, what="the claim is gone from template and binding")
    assert running(members, ns) == {"member1": 2, "member2": 2}


def test_a_recreated_template_replaces_the_old_object(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    start(hub, members, ns, member1=1)
    first = (members["member1"].deployment("app", ns) or {})["metadata"]["uid"]
    hub.kubectl("delete", "deploy", "app", namespace=ns)
    hub.apply(APP, namespace=ns)
    until(
        lambda: (members["member1"].deployment("app", ns) or {})["metadata"]["uid"] != first,
        what="a new Deployment in member1",
    )
