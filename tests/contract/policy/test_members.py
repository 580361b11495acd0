"""Members that leave, come back, hold what nobody wants, or know other works than the stream has."""

import asyncio
from datetime import UTC, datetime

import msgspec

from libs.common import subjects
from libs.common.api import wellknown
from libs.common.kube.resources import CLUSTERS, EVENTS, ObjectKey
from libs.common.messages import InventoryItem, InventoryRequest, Order, Origin, Work
from tests.contract.policy.beats import beat, say
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, deployment, key_of, policy_for
from tests.contract.policy.world import World, held, serving

RB = "ResourceBinding.work.karmada.io"
A = key_of("ConfigMap", "a")
WEB = key_of("Deployment", "web")
_LOOKED = 7
"""Seconds after which a member that nobody waits for would have been given up."""


async def test_an_unjoined_member_keeps_what_it_runs_and_nothing_moves(running: World) -> None:
    running.place = lambda request: [(c, 2) for c in sorted(running.uids)]
    divided = {"replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}}
    await running.hub.apply(policy_for("all", "Deployment", placement=divided), deployment("web", 4))
    await until(lambda: running.work("m2", WEB))

    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))
    await until(lambda: _no_cluster(running, "m2"))

    (tombstone,) = [w for w in running.history if w.op == "delete" and w.name == "web"]
    assert tombstone.preserve_on_deletion
    binding = await running.hub.get(RB, "default", "web-deployment")
    assert binding is not None
    assert binding["spec"]["clusters"] == [{"name": "m1", "replicas": 2}]
    assert len(running.requests[WEB]) == 1


async def test_an_emptied_member_is_not_replaced_unless_that_is_asked_for(running: World) -> None:
    running.place = lambda request: [(c, 2) for c in sorted(running.uids)]
    divided = {"replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}}
    await running.hub.apply(policy_for("all", "Deployment", placement=divided), deployment("web", 4))
    await until(lambda: running.work("m2", WEB))
    notes = {"metadata": {"annotations": {wellknown.ON_DELETE_ANNOTATION: "remove"}}}
    await running.hub.api.patch(CLUSTERS, ObjectKey("", "m2"), notes, manager="test")

    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))
    await until(lambda: _no_cluster(running, "m2"))

    (tombstone,) = [w for w in running.history if w.op == "delete" and w.name == "web"]
    assert not tombstone.preserve_on_deletion
    binding = await running.hub.get(RB, "default", "web-deployment")
    assert binding is not None
    assert binding["spec"]["clusters"] == [{"name": "m1", "replicas": 2}]
    assert len(running.requests[WEB]) == 1


async def test_an_emptied_member_is_replaced_when_that_is_asked_for(running: World) -> None:
    running.place = lambda request: [(c, 4) for c in sorted(running.uids)][-1:]
    divided = {"replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}}
    await running.hub.apply(policy_for("all", "Deployment", placement=divided), deployment("web", 4))
    await until(lambda: running.work("m2", WEB))
    wishes = {wellknown.ON_DELETE_ANNOTATION: "remove", wellknown.RESCHEDULE_ANNOTATION: "true"}
    notes = {"metadata": {"annotations": wishes}}
    await running.hub.api.patch(CLUSTERS, ObjectKey("", "m2"), notes, manager="test")
    running.uids.pop("m2")

    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))
    await until(lambda: _no_cluster(running, "m2"))

    await until(lambda: running.work("m1", WEB))
    (tombstone,) = [w for w in running.history if w.op == "delete" and w.name == "web"]
    assert not tombstone.preserve_on_deletion


async def test_a_dead_member_can_be_removed(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    running.agents_answer = False
    await _unready(running, "m2", since="2026-01-01T00:00:00Z")
    running.place = lambda request: [("m1", 0)]

    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))

    await until(lambda: _no_cluster(running, "m2"))
    await until(lambda: _nothing_of(running, "m2"))
    await until(lambda: _warned_of(running, "m2", "MemberGivenUp"))


async def test_a_member_that_fell_silent_a_moment_ago_is_waited_for(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    running.agents_answer = False
    await _unready(running, "m2", since=datetime.now(UTC).isoformat())
    running.place = lambda request: [("m1", 0)]

    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))
    await until(lambda: _tombstone(running))
    await asyncio.sleep(_LOOKED)

    assert not await _no_cluster(running, "m2")
    await running.report_gone(await until(lambda: _tombstone(running)))
    await until(lambda: _no_cluster(running, "m2"))
    assert not await _warned_of(running, "m2", "MemberGivenUp")


async def test_a_member_that_its_agent_reaches_is_waited_for_whatever_its_condition_says(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    running.agents_answer = False
    await _unready(running, "m2", since="2026-01-01T00:00:00Z")
    running.place = lambda request: [("m1", 0)]
    await say(running, beat(running, "m2", works=running))
    await running.nats.round_trip()

    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))
    await until(lambda: _tombstone(running))
    await asyncio.sleep(_LOOKED)

    assert not await _no_cluster(running, "m2")
    await running.report_gone(await until(lambda: _tombstone(running)))
    await until(lambda: _no_cluster(running, "m2"))


async def test_an_orphan_that_the_hub_refutes_is_removed(running: World) -> None:
    item = _item("stray", uid="11111111-1111-1111-1111-111111111111")
    async with serving(running, "m1", [item]):
        await say(running, beat(running, "m1"))

        await until(lambda: any(w.op == "delete" and w.name == "stray" for w in running.history))

    (tombstone,) = [w for w in running.history if w.name == "stray"]
    assert tombstone.template.uid == item.template_uid
    await until(lambda: _nothing_of(running, "m1"))


async def test_an_object_that_the_hub_wants_is_no_orphan(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    item = _item_of(await until(lambda: running.work("m1", A)))
    asked: list[InventoryRequest] = []
    async with serving(running, "m1", [item], asked):
        await say(running, beat(running, "m1", works=running))
        await until(lambda: asked)
        await running.hub.apply(config_map("b"))
        await until(lambda: running.work("m1", key_of("ConfigMap", "b")))

    assert not [w for w in running.history if w.op == "delete"]


async def test_what_stays_unapplied_and_is_not_in_the_member_is_told_again(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A))
    first = running.works["m1", A].order
    agrees = beat(running, "m1", works=running)
    item = _item_of(running.works["m1", A])
    asked: list[InventoryRequest] = []
    held = [item]
    async with serving(running, "m1", held, asked):
        await say(running, agrees)
        await until(lambda: asked)
        held.clear()
        for _ in range(2):
            await say(running, msgspec.structs.replace(agrees, applied_digest="0" * 32))
        await until(lambda: running.works["m1", A].order > first)


async def test_an_agent_that_knows_other_works_gets_all_again(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A))
    first = running.works["m1", A].order
    wrong = beat(running, "m1", works=running, known_digest="f" * 32)
    async with serving(running, "m1", []):
        for _ in range(2):
            await say(running, wrong)

        await until(lambda: running.works["m1", A].order > first)


async def test_orders_rise_above_what_an_agent_has_seen(running: World) -> None:
    await say(running, beat(running, "m1", highest_order=Order(epoch=99, seq=7)))

    async def above() -> bool:
        await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", n=str(len(running.history))))
        await until(lambda: running.work("m1", A))
        return running.works["m1", A].order.epoch == 100

    await until(above)


async def test_removals_stop_while_the_hub_looks_rolled_back(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A))
    await say(running, beat(running, "m1", works=running, highest_hub_version=10**9))
    await running.nats.round_trip()
    await running.hub.apply(config_map("b"))
    await until(lambda: running.work("m1", key_of("ConfigMap", "b")))

    await running.hub.delete("ConfigMap.", "default", "a")
    await running.hub.apply(config_map("c"))
    await until(lambda: running.work("m1", key_of("ConfigMap", "c")))

    assert running.work("m1", A) is not None


def _tombstone(world: World) -> Work | None:
    """The last order to remove."""
    return next((w for w in reversed(world.history) if w.op == "delete"), None)


async def _no_cluster(world: World, name: str) -> bool:
    return await world.hub.get("Cluster.cluster.karmada.io", "", name) is None


async def _nothing_of(world: World, cluster: str) -> bool:
    names = world.nats.subjects
    return cluster not in {names.state(s).cluster for s in await held(world, subjects.WORKS)}


def _item(name: str, *, uid: str) -> InventoryItem:
    return InventoryItem(
        origin=Origin(kind="ResourceBinding", namespace="default", name=f"{name}-configmap", uid=uid),
        api_version="v1",
        kind="ConfigMap",
        namespace="default",
        name=name,
        template_uid="22222222-2222-2222-2222-222222222222",
    )


def _item_of(work: Work) -> InventoryItem:
    """The object that a work asks for, as it is found in the member."""
    return InventoryItem(
        origin=work.origin,
        api_version=work.api_version,
        kind=work.kind,
        namespace=work.namespace,
        name=work.name,
        template_uid=work.template.uid,
        order=work.order,
        digest=work.digest,
    )


async def _unready(world: World, cluster: str, *, since: str) -> None:
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "ClusterNotReachable",
        "message": "",
        "lastTransitionTime": since,
    }
    status = {"status": {"conditions": [condition]}}
    await world.hub.api.patch(CLUSTERS, ObjectKey("", cluster), status, subresource="status", manager="test")


async def _warned_of(world: World, cluster: str, reason: str) -> bool:
    events = [msgspec.json.decode(e) for e in (await world.hub.api.list(EVENTS)).items]
    return any(e["reason"] == reason and e["involvedObject"]["name"] == cluster for e in events)
