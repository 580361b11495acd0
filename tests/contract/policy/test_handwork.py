"""What hands do to bindings, and what their changes cost on the hub."""

import msgspec
import pytest

from libs.common import subjects
from libs.common.api import wellknown
from libs.common.kube.resources import ObjectKey
from libs.common.messages import Work
from libs.common.names import OriginKey
from services.policy import metrics
from services.policy.core import leaving
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, deployment, key_of, policy_for
from tests.contract.policy.test_departed import beat
from tests.contract.policy.world import World, held

BINDING = "ResourceBinding.work.karmada.io"
POLICY = "PropagationPolicy.policy.karmada.io"
WEB, A = key_of("Deployment", "web"), key_of("ConfigMap", "a")


async def test_a_binding_deleted_by_hand_comes_back_and_no_member_notices(running: World) -> None:
    running.place = lambda request: [("m2", request.replicas)]
    await running.hub.apply(policy_for("all", "Deployment"), deployment("web", 3))
    work = await until(lambda: running.work("m2", WEB))
    running.place = lambda request: [("m1", request.replicas)]
    await running.hub.delete(BINDING, "default", WEB.name)
    again = await until(lambda: renewed(running, WEB, work.origin.uid))
    assert again.removes == []
    assert msgspec.json.decode(again.manifest)["spec"] == msgspec.json.decode(work.manifest)["spec"]
    assert not [w for w in running.history if w.op == "delete" and w.name == "web"]
    assert running.work("m1", WEB) is None


async def test_a_binding_deleted_by_hand_goes_when_no_policy_asks_for_it(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    await running.hub.delete(POLICY, "default", "all")
    await until(lambda: released(running, A))
    await running.hub.delete(BINDING, "default", A.name)
    await until(lambda: not running.work("m1", A) and not running.work("m2", A))
    await until(lambda: gone(running, A))


async def test_a_template_deleted_in_the_foreground_takes_its_binding_along(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    resource = running.hub.resource("v1", "ConfigMap")
    await running.hub.api.delete(resource, ObjectKey("default", "a"), propagation="Foreground")
    await until(lambda: gone(running, A))
    await until(lambda: nothing_held(running))


async def test_a_second_binding_made_by_hand_for_a_template_does_nothing(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    first = await running.hub.get(BINDING, "default", A.name)
    assert first is not None
    copied = {field: first["metadata"].get(field) for field in ("labels", "annotations", "finalizers")}
    second = OriginKey("default", "second")
    metadata = copied | {"namespace": "default", "name": second.name}
    await running.hub.apply({k: first[k] for k in ("apiVersion", "kind", "spec")} | {"metadata": metadata})
    await running.hub.apply(config_map("a", color="red"))
    await until(lambda: b"red" in bytes(running.works["m2", A].manifest))
    assert running.work("m2", second) is None
    await running.hub.delete(BINDING, "default", second.name)
    await until(lambda: gone(running, second))
    assert not tombstones(running)


async def test_a_work_that_an_agent_lacks_is_sent_again_as_it_is_while_no_policy_decides(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"))
    await until(lambda: running.work("m2", A))
    await running.hub.delete(POLICY, "default", "all")
    await until(lambda: released(running, A))
    await running.hub.apply(config_map("a", color="blue"))
    before = running.works["m2", A].order
    lacking = msgspec.structs.replace(beat(running, "m2"), stream_seq=10**6)
    for _ in range(2):
        await running.nats.publish_core(running.nats.subjects.beat("m2"), lacking)
    await until(lambda: running.works["m2", A].order > before)
    assert b"red" in bytes(running.works["m2", A].manifest)


@pytest.mark.parametrize("members", [3, 60])
async def test_a_narrowed_placement_costs_two_writes_however_many_members_leave(running: World, members: int) -> None:
    await running.join(*(f"x{number}" for number in range(members)))
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: sum(key == A for _, key in running.works) == members + 2)
    await until(lambda: A in running.outcomes and running.outcomes[A].expected.keys() == running.uids.keys())
    before = writes()
    running.agents_answer = False
    running.place = lambda request: [("m1", 0)]
    await running.hub.apply(policy_for("all", "ConfigMap", placement={"clusterAffinity": {"clusterNames": ["m1"]}}))
    orders = await until(lambda: tombstones(running) if len(tombstones(running)) == members + 1 else None)
    for work in orders:
        await running.report_gone(work)
    await until(lambda: cleared(running, A))
    assert writes() - before == 2


async def test_members_that_went_are_written_down_while_others_are_waited_for(running: World) -> None:
    await running.join("m3")
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m3", A))
    running.agents_answer = False
    running.place = lambda request: [("m1", 0)]
    await running.hub.apply(policy_for("all", "ConfigMap", placement={"clusterAffinity": {"clusterNames": ["m1"]}}))
    orders = await until(lambda: tombstones(running) if len(tombstones(running)) == 2 else None)
    await running.report_gone(next(work for work in orders if work.cluster == "m2"))
    await until(lambda: left(running, A, ["m3"]))


async def renewed(world: World, key: OriginKey, uid: str) -> Work | None:
    """The work of a binding that is not that old one."""
    work = world.work("m2", key)
    return work if work is not None and work.origin.uid != uid else None


async def gone(world: World, key: OriginKey) -> bool:
    return await world.hub.get(BINDING, key.namespace, key.name) is None


async def released(world: World, key: OriginKey) -> bool:
    binding = await world.hub.get(BINDING, key.namespace, key.name)
    return binding is not None and wellknown.POLICY_ID_LABEL not in (binding["metadata"].get("labels") or {})


async def cleared(world: World, key: OriginKey) -> bool:
    return await left(world, key, [])


async def left(world: World, key: OriginKey, clusters: list[str]) -> bool:
    """Whether these clusters are what the binding is leaving."""
    binding = await world.hub.get(BINDING, key.namespace, key.name)
    assert binding is not None
    text = binding["metadata"]["annotations"].get(wellknown.LEAVING_ANNOTATION)
    return sorted(leaving.parse(text)) == clusters


async def nothing_held(world: World) -> bool:
    return not await held(world, subjects.WORKS) and not await held(world, subjects.STATUS)


def tombstones(world: World) -> list[Work]:
    return [work for work in world.history if work.op == "delete"]


def writes() -> float:
    """How often a binding has been written so far."""
    return sum(
        sample.value
        for metric in metrics.BINDING_WRITES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )
