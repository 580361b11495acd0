"""What is left of clusters that went while nobody looked, and members whose agents hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats

from libs.common import bus, digests, subjects
from libs.common.bus import streams
from libs.common.kube.resources import CLUSTERS, ObjectKey
from libs.common.messages import Beat, Inventory, InventoryRequest
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.world import World, serving

HANGING = [f"x{number}" for number in range(6)]


async def test_the_consumer_of_a_cluster_that_went_while_policy_was_down_goes(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    async with world.policy(kubeconfig, nats_url, prefix):
        await until(lambda: consumers_are(outside, ["agent-m1", "agent-m2"]))
        await until(lambda: held_back(outside, "m2"))
    await outside.hub.merge("Cluster.cluster.karmada.io", "", "m2", {"metadata": {"finalizers": None}})
    await outside.hub.api.delete(CLUSTERS, ObjectKey("", "m2"))
    async with world.policy(kubeconfig, nats_url, prefix):
        await until(lambda: consumers_are(outside, ["agent-m1"]))


async def test_agents_that_hang_hold_up_the_comparison_of_no_other(running: World) -> None:
    await running.join(*HANGING)
    asked: list[InventoryRequest] = []
    async with AsyncExitStack() as stack:
        hung = [await stack.enter_async_context(hanging(running, name)) for name in HANGING]
        await stack.enter_async_context(serving(running, "m1", [], asked))
        for name in HANGING:
            await running.nats.publish_core(running.nats.subjects.beat(name), beat(running, name))
        await until(lambda: all(event.is_set() for event in hung))
        await running.nats.publish_core(running.nats.subjects.beat("m1"), beat(running, "m1"))
        await until(lambda: asked)


@asynccontextmanager
async def hanging(world: World, cluster: str) -> AsyncIterator[asyncio.Event]:
    """An agent that never answers for its inventory, for the time of the block; tells that it was asked."""
    asked = asyncio.Event()

    async def hang(delivery: bus.Delivery[InventoryRequest]) -> Inventory:
        asked.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    serve = world.nats.serve(world.nats.subjects.call(cluster, "inventory"), InventoryRequest, hang)
    task = asyncio.get_running_loop().create_task(serve)
    await world.nats.round_trip()
    try:
        yield asked
    finally:
        task.cancel()
        await asyncio.wait([task])


def beat(world: World, cluster: str) -> Beat:
    """Of an agent that knows of no works."""
    return Beat(
        hub_uid=world.hub_uid,
        cluster=cluster,
        cluster_uid=world.uids[cluster],
        agent="test",
        sent_at="",
        works=0,
        known_digest=digests.SetDigest().text(),
    )


async def consumers_are(world: World, names: list[str]) -> bool:
    client = await nats.connect(world.nats_url)
    try:
        stream = streams.stream_name(world.nats.subjects.prefix, subjects.WORKS)
        found = await client.jetstream().consumers_info(stream)
        return sorted(c.name for c in found if c.name.startswith("agent-")) == names
    finally:
        await client.close()


async def held_back(world: World, cluster: str) -> bool:
    """Whether policy holds a Cluster by its finalizer."""
    found = await world.hub.get("Cluster.cluster.karmada.io", "", cluster)
    return found is not None and bool(found["metadata"].get("finalizers"))
