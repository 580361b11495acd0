"""Agents that know other works than the stream has, or hold objects that are younger than those."""

from contextlib import AsyncExitStack

from libs.common import subjects
from libs.common.bus import Delivery
from libs.common.messages import InventoryItem, InventoryRequest, Order, Work
from tests.contract.policy.beats import beat, say
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World, held, serving

A, B = key_of("ConfigMap", "a"), key_of("ConfigMap", "b")
FUTURE = Order(epoch=99, seq=7)


def item(work: Work, order: Order) -> InventoryItem:
    """The object of a work as an agent shows it, written under another order."""
    return InventoryItem(
        origin=work.origin,
        api_version="v1",
        kind="ConfigMap",
        namespace="default",
        name=work.name,
        template_uid=work.template.uid,
        order=order,
    )


async def test_a_divergence_is_found_by_an_agent_that_never_saw_the_last_tombstone(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A))
    await running.hub.apply(config_map("b"))
    await until(lambda: running.work("m1", B))
    await running.hub.delete("ConfigMap.", "default", "b")

    async def purged() -> bool:
        return not [s for s in await held(running, subjects.WORKS) if "b-configmap" in s]

    await until(purged)
    last = await running.nats.last(subjects.WORKS, running.nats.subjects.work("m1", A), Work)
    assert last is not None
    wrong = beat(running, "m1", works=running, stream_seq=last.seq, known_digest="f" * 32)
    for _ in range(2):
        await say(running, wrong)

    await until(lambda: running.works["m1", A].order > last.message.order)


async def test_a_work_older_than_its_object_is_sent_again_above_it(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    work = await until(lambda: running.work("m1", A))
    async with serving(running, "m1", [item(work, FUTURE)]):
        await say(running, beat(running, "m1", works=running, highest_order=FUTURE))

        await until(lambda: running.works["m1", A].order > FUTURE)


async def test_an_order_to_remove_that_is_older_than_its_object_is_given_again_above_it(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A))
    running.agents_answer = False
    await running.hub.delete("ConfigMap.", "default", "a")
    tombstone = await until(lambda: next((w for w in running.history if w.op == "delete" and w.cluster == "m1"), None))
    async with serving(running, "m1", [item(tombstone, FUTURE)]):
        await say(running, beat(running, "m1", highest_order=FUTURE))

        await until(lambda: [w for w in running.history if w.op == "delete" and w.order > FUTURE])


async def test_a_frozen_work_that_its_agent_lost_is_sent_again(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    first = await until(lambda: running.work("m1", A))
    await running.hub.delete("PropagationPolicy.policy.karmada.io", "default", "all")

    async def released() -> bool:
        template = await running.hub.get("ConfigMap.", "default", "a")
        return template is not None and not template["metadata"].get("labels")

    await until(released)
    wrong = beat(running, "m1", works=running, known_digest="f" * 32)
    for _ in range(2):
        await say(running, wrong)

    await until(lambda: running.works["m1", A].order > first.order)


async def test_an_epoch_that_nobody_can_have_given_is_not_believed(running: World) -> None:
    await say(running, beat(running, "m1", highest_order=Order(epoch=2**62, seq=1)))
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    work = await until(lambda: running.work("m1", A))

    assert work.order.epoch < 10


async def test_members_that_hang_keep_nobody_from_being_looked_at(running: World) -> None:
    hanging = [f"h{number}" for number in range(6)]
    await running.join(*hanging)
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    work = await until(lambda: running.work("m1", A))
    await until(lambda: all(running.work(cluster, A) for cluster in hanging))
    asked: list[Delivery[InventoryRequest]] = []
    async with AsyncExitStack() as stack:
        for cluster in hanging:
            subject = running.nats.subjects.call(cluster, "inventory")
            await stack.enter_async_context(running.nats.subscribe_core(subject, InventoryRequest, asked.append))
            await say(running, beat(running, cluster, works=running))
        await stack.enter_async_context(serving(running, "m1", [item(work, FUTURE)]))
        await until(lambda: len(asked) == len(hanging))
        await say(running, beat(running, "m1", works=running, highest_order=FUTURE))

        await until(lambda: running.works["m1", A].order > FUTURE)
