"""From a template and a policy to works, and back."""

from libs.common import subjects
from libs.common.api import wellknown
from libs.common.kube.resources import ObjectKey
from libs.common.messages import Work
from libs.common.names import OriginKey
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, deployment, key_of, policy_for
from tests.contract.policy.world import World, held

RB = "ResourceBinding.work.karmada.io"
A = key_of("ConfigMap", "a")


async def propagated(world: World, key: OriginKey = A) -> list[Work]:
    return [await until(lambda c=c: world.work(c, key)) for c in ("m1", "m2")]


async def test_a_matched_template_reaches_every_chosen_cluster(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"))

    works = await propagated(running)

    assert {w.name for w in works} == {"a"}
    binding = await running.hub.get(RB, "default", "a-configmap")
    assert binding is not None
    assert [c["name"] for c in binding["spec"]["clusters"]] == ["m1", "m2"]


async def test_a_template_is_claimed(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))

    async def claimed() -> bool:
        template = await running.hub.get("ConfigMap.", "default", "a")
        assert template is not None
        return wellknown.POLICY_ID_LABEL in template["metadata"].get("labels", {})

    await until(claimed)


async def test_a_first_sight_costs_a_claim_and_a_binding(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await propagated(running)

    binding = await running.hub.get(RB, "default", "a-configmap")
    template = await running.hub.get("ConfigMap.", "default", "a")

    assert binding is not None
    assert template is not None
    assert binding["metadata"]["generation"] == 1
    assert len(template["metadata"]["managedFields"]) == 2


async def test_a_changed_template_is_sent_without_a_write_to_the_hub(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"))
    await propagated(running)
    before = await running.hub.get(RB, "default", "a-configmap")

    await running.hub.apply(config_map("a", color="blue"))
    await until(lambda: b"blue" in bytes(running.works["m1", A].manifest))
    await until(lambda: b"blue" in bytes(running.works["m2", A].manifest))

    assert await running.hub.get(RB, "default", "a-configmap") == before
    assert len(running.requests[A]) == 1


async def test_a_work_is_not_sent_twice_for_one_state(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"))
    await propagated(running)
    await running.hub.apply(config_map("b", color="red"))
    await propagated(running, key_of("ConfigMap", "b"))

    assert [w.cluster for w in running.history if w.name == "a"] == ["m1", "m2"]


async def test_replicas_are_asked_about_and_sent(running: World) -> None:
    running.place = lambda request: [("m1", request.replicas - 1), ("m2", 1)]
    key = key_of("Deployment", "web")
    await running.hub.apply(policy_for("all", "Deployment"), deployment("web", 3))
    await propagated(running, key)

    await running.hub.apply(deployment("web", 5))

    await until(lambda: b'"replicas":4' in bytes(running.works["m1", key].manifest))
    assert b'"replicas":1' in bytes(running.works["m2", key].manifest)


async def test_a_deleted_template_goes_from_everywhere(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await propagated(running)

    await running.hub.delete("ConfigMap.", "default", "a")

    await until(lambda: not running.works)
    await until(lambda: _absent(running))
    await until(lambda: _empty(running, subjects.WORKS))
    await until(lambda: _empty(running, subjects.BINDINGS))
    await until(lambda: _empty(running, subjects.PLACEMENTS))
    await until(lambda: _empty(running, subjects.STATUS))


async def test_a_template_deleted_as_an_orphan_leaves_all_behind(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await propagated(running)

    resource = running.hub.kinds["", "ConfigMap"]
    await running.hub.api.delete(resource, ObjectKey("default", "a"), propagation="Orphan")

    async def gone() -> bool:
        return await running.hub.get("ConfigMap.", "default", "a") is None

    await until(gone)
    await running.hub.apply(config_map("b"))
    await propagated(running, key_of("ConfigMap", "b"))
    assert not [w for w in running.history if w.op == "delete"]
    assert await running.hub.get(RB, "default", "a-configmap") is not None


async def test_a_dropped_cluster_is_named_until_it_reports_gone(running: World) -> None:
    running.agents_answer = False
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await propagated(running)
    running.place = lambda request: [("m1", 0)]

    await running.hub.apply(policy_for("all", "ConfigMap", placement={"clusterAffinity": {"clusterNames": ["m1"]}}))
    await until(lambda: running.work("m2", A) is None)

    binding = await running.hub.get(RB, "default", "a-configmap")
    assert binding is not None
    assert "m2" in binding["metadata"]["annotations"][wellknown.LEAVING_ANNOTATION]
    assert [c["name"] for c in binding["spec"]["clusters"]] == ["m1"]


async def test_a_cluster_that_reports_gone_is_forgotten(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await propagated(running)
    running.place = lambda request: [("m1", 0)]

    await running.hub.apply(policy_for("all", "ConfigMap", placement={"clusterAffinity": {"clusterNames": ["m1"]}}))

    async def cleared() -> bool:
        binding = await running.hub.get(RB, "default", "a-configmap")
        assert binding is not None
        return (
            len(binding["spec"]["clusters"]) == 1
            and wellknown.LEAVING_ANNOTATION not in binding["metadata"]["annotations"]
        )

    await until(cleared)
    await until(lambda: _only(running, "m1"))


async def test_a_deleted_policy_releases_and_leaves_what_runs(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await propagated(running)

    await running.hub.delete("PropagationPolicy.policy.karmada.io", "default", "all")

    async def released() -> bool:
        template = await running.hub.get("ConfigMap.", "default", "a")
        binding = await running.hub.get(RB, "default", "a-configmap")
        assert template is not None
        assert binding is not None
        return not any(wellknown.POLICY_ID_LABEL in o["metadata"].get("labels", {}) for o in (template, binding))

    await until(released)
    assert running.work("m1", A) is not None
    assert len([w for w in running.history if w.name == "a"]) == 2


async def test_what_found_no_place_is_said_in_the_binding(running: World) -> None:
    running.place = lambda request: "0/2 clusters are available"
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))

    outcome = await until(lambda: running.outcomes.get(A))

    assert outcome.scheduled is not None
    assert (outcome.scheduled.status, outcome.scheduled.reason) == ("False", "NoClusterFit")
    assert outcome.expected == {}


async def test_namespaces_are_copied_to_every_member(running: World) -> None:
    await running.hub.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    works = await propagated(running, OriginKey("", "namespace:shop"))

    assert {(w.kind, w.name) for w in works} == {("Namespace", "shop")}


async def test_reserved_and_default_namespaces_are_not_copied(running: World) -> None:
    await running.hub.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await propagated(running, OriginKey("", "namespace:shop"))

    assert {w.name for w in running.history} == {"shop"}


async def test_a_new_cluster_gets_copies_and_namespaces(running: World) -> None:
    await running.hub.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        policy_for("all", "ConfigMap"),
        config_map("a"),
    )
    await propagated(running)

    await running.join("m3")

    await until(lambda: running.work("m3", A))
    await until(lambda: running.work("m3", OriginKey("", "namespace:shop")))


async def _absent(world: World) -> bool:
    return await world.hub.get(RB, "default", "a-configmap") is None


async def _empty(world: World, stream: str) -> bool:
    return not await held(world, stream)


async def _only(world: World, cluster: str) -> bool:
    return [world.nats.subjects.state(s).cluster for s in await held(world, subjects.WORKS)] == [cluster]
