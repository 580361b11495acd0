"""Which policy decides: kinds of selectors, precedence, clusters by label."""

from tests.worlds import Cluster, cluster_policy, config_map, duplicated, policy, selector_of, until

NOTE = config_map("note", a="b")
EVERY = {"apiVersion": "v1", "kind": "ConfigMap"}


def where(members: dict[str, Cluster], ns: str, name: str = "note") -> set[str]:
    return {m for m, member in members.items() if member.config_map(name, ns)}


def test_objects_are_selected_by_label_and_by_kind(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    red, blue = config_map("red", a="b"), config_map("blue", a="b")
    red["metadata"]["labels"] = {"color": "red"}
    by_label = {**EVERY, "labelSelector": {"matchLabels": {"color": "red"}}}
    hub.apply(
        policy("all", EVERY, placement=duplicated("member1")),
        policy("reds", by_label, placement=duplicated("member2")),
        red,
        blue,
        namespace=ns,
    )
    until(lambda: where(members, ns, "red") == {"member2"}, what="red goes by its label")
    until(lambda: where(members, ns, "blue") == {"member1"}, what="blue goes by its kind")


def test_a_name_beats_a_kind_and_priority_beats_both(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    other = config_map("other", a="b")
    hub.apply(
        policy("all", EVERY, placement=duplicated("member1")),
        policy("named", selector_of(NOTE), placement=duplicated("member2")),
        policy("first", selector_of(other), placement=duplicated("member1")),
        policy("higher", EVERY | {"name": "other"}, placement=duplicated("member3"), priority=5),
        NOTE,
        other,
        namespace=ns,
    )
    until(lambda: where(members, ns) == {"member2"}, what="note goes by its name")
    until(lambda: where(members, ns, "other") == {"member3"}, what="other goes by priority")


def test_a_namespaced_policy_beats_a_cluster_wide_one(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    wide = {**EVERY, "namespace": ns}
    hub.apply(cluster_policy("story-wide", wide, placement=duplicated("member1"), priority=100))
    hub.apply(policy("own", EVERY, placement=duplicated("member2")), NOTE, namespace=ns)
    until(lambda: where(members, ns) == {"member2"}, what="the namespaced policy decides")
    hub.kubectl("delete", "pp", "own", namespace=ns)
    until(lambda: where(members, ns) == {"member1"}, what="then the cluster-wide one takes over")
    hub.kubectl("delete", "cpp", "story-wide")


def test_clusters_are_chosen_by_label(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    hub.kubectl("label", "cluster", "member3", "tier=gold", "--overwrite")
    gold = {"clusterAffinity": {"labelSelector": {"matchLabels": {"tier": "gold"}}}}
    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=gold), namespace=ns)
    until(lambda: where(members, ns) == {"member3"}, what="note in the gold cluster")
    hub.kubectl("label", "cluster", "member2", "tier=gold", "--overwrite")
    until(lambda: where(members, ns) == {"member2", "member3"}, what="note follows the label")
    hub.kubectl("label", "cluster", "member2", "tier-")
    until(lambda: where(members, ns) == {"member3"}, what="and leaves with it")
    hub.kubectl("label", "cluster", "member3", "tier-")


def test_what_fits_nowhere_says_so_and_goes_when_a_cluster_comes_to_fit(
    hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    nowhere = {"clusterAffinity": {"labelSelector": {"matchLabels": {"tier": "silver"}}}}
    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=nowhere), namespace=ns)
    hub.kubectl("wait", "rb/note-configmap", "--for=create", "--timeout=30s", namespace=ns)
    hub.kubectl("wait", "rb/note-configmap", "--for=condition=Scheduled=False", "--timeout=30s", namespace=ns)
    conditions = (hub.binding("note-configmap", ns) or {})["status"]["conditions"]
    scheduled = next(c for c in conditions if c["type"] == "Scheduled")
    assert scheduled["reason"] == "NoClusterFit"
    assert scheduled["message"].startswith("0/3 clusters are available: 3 cluster(s) did not match the placement")
    hub.kubectl("label", "cluster", "member1", "tier=silver")
    until(lambda: where(members, ns) == {"member1"}, what="note in the cluster that fits now")
    hub.kubectl("label", "cluster", "member1", "tier-")


def test_suspended_dispatching_waits_until_it_is_resumed(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    held = policy("note", selector_of(NOTE), placement=duplicated(), suspension={"dispatching": True})
    hub.apply(NOTE, held, namespace=ns)
    hub.kubectl("wait", "rb/note-configmap", "--for=create", "--timeout=30s", namespace=ns)
    hub.kubectl("wait", "rb/note-configmap", "--for=condition=Scheduled", "--timeout=30s", namespace=ns)
    assert where(members, ns) == set()
    hub.apply(policy("note", selector_of(NOTE), placement=duplicated()), namespace=ns)
    until(lambda: where(members, ns) == set(members), what="note everywhere once dispatching goes on")
