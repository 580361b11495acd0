"""Override policies: what one member gets otherwise than the others."""

from typing import Any

from tests.worlds import Cluster, deployment, duplicated, policy, selector_of, until

APP = deployment("app", replicas=1)


def override(name: str, *rules: dict[str, Any], kind: str = "OverridePolicy") -> dict[str, Any]:
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"resourceSelectors": [selector_of(APP)], "overrideRules": list(rules)},
    }


def rule(cluster: str, **overriders: Any) -> dict[str, Any]:
    return {"targetCluster": {"clusterNames": [cluster]}, "overriders": overriders}


def image(member: Cluster, ns: str) -> str:
    found = member.deployment("app", ns) or {}
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_each_member_gets_its_own_image_and_labels(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    registry = {"component": "Registry", "operator": "replace", "value": "registry.eu.example"}
    labels = {"operator": "add", "value": {"place": "eu"}}
    eu = rule("member2", imageOverrider=[registry], labelsOverrider=[labels])
    hub.apply(override("eu", eu), APP, policy("app", selector_of(APP), placement=duplicated()), namespace=ns)
    until(lambda: image(members["member2"], ns) == "registry.eu.example/nginx:1.27", what="the registry in member2")
    assert (members["member2"].deployment("app", ns) or {})["metadata"]["labels"]["place"] == "eu"
    until(lambda: image(members["member1"], ns) == "nginx:1.27", what="the plain image in member1")


def test_an_override_changed_later_reaches_what_runs(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    hub.apply(APP, policy("app", selector_of(APP), placement=duplicated("member1")), namespace=ns)
    until(lambda: image(members["member1"], ns) == "nginx:1.27", what="the plain image")
    tag = {"component": "Tag", "operator": "replace", "value": "1.29"}
    hub.apply(override("tag", rule("member1", imageOverrider=[tag])), namespace=ns)
    until(lambda: image(members["member1"], ns) == "nginx:1.29", what="the overridden tag")
    hub.kubectl("delete", "op", "tag", namespace=ns)
    until(lambda: image(members["member1"], ns) == "nginx:1.27", what="the plain image again")


def test_a_namespaced_override_wins_over_a_cluster_wide_one(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    def tag(value: str) -> dict[str, Any]:
        return rule("member1", imageOverrider=[{"component": "Tag", "operator": "replace", "value": value}])

    wide = override("story-wide", tag("wide"), kind="ClusterOverridePolicy")
    wide["spec"]["resourceSelectors"][0]["namespace"] = ns
    hub.apply(wide)
    hub.apply(
        override("own", tag("own")), APP, policy("app", selector_of(APP), placement=duplicated("member1")), namespace=ns
    )
    until(lambda: image(members["member1"], ns) == "nginx:own", what="the namespaced override's tag")
    hub.kubectl("delete", "op", "own", namespace=ns)
    until(lambda: image(members["member1"], ns) == "nginx:wide", what="the cluster-wide override's tag")
    hub.kubectl("delete", "cop", "story-wide")


def test_an_override_that_does_not_fit_is_told_and_stops_nothing_else(
    hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    broken = rule("member1", plaintext=[{"path": "/spec/nowhere/x", "operator": "add", "value": 1}])
    hub.apply(
        override("broken", broken),
        APP,
        policy("app", selector_of(APP), placement=duplicated("member1", "member2")),
        namespace=ns,
    )
    until(lambda: image(members["member2"], ns) == "nginx:1.27", what="app in member2")
    until(
        lambda: "ApplyOverridePolicyFailed" in hub.kubectl("get", "events", namespace=ns), what="an event that says why"
    )
    assert members["member1"].deployment("app", ns) is None
