"""Policy asks, the scheduler answers: over the real bus and the real cluster table."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from libs.common import bus, capacity, subjects
from libs.common.api.policy import ClusterAffinity, Placement
from libs.common.messages import BindingRequest, ClusterEntry, Order, Placed, TemplateRef
from libs.common.names import OriginKey
from libs.common.service import Health
from services.scheduler import main
from services.scheduler.settings import Settings


def entry(name: str, version: int = 1) -> ClusterEntry:
    return ClusterEntry(
        name=name, uid=f"uid-{name}", resource_version=str(version), api_enablements={"v1": ["ConfigMap"]}
    )


def request(name: str, *clusters: str, revision: str = "", seq: int = 1) -> BindingRequest:
    return BindingRequest(
        hub_uid="hub",
        namespace="default",
        name=name,
        template=TemplateRef(api_version="v1", kind="ConfigMap", namespace="default", name=name, uid=f"uid-{name}"),
        order=Order(epoch=1, seq=seq),
        digest=f"digest-{name}-{seq}",
        cluster_revision=revision,
        placement=Placement(cluster_affinity=ClusterAffinity(cluster_names=list(clusters))),
    )


class World:
    """The hub's side of the bus, and the aggregator's side of the table."""

    def __init__(self, connection: bus.Bus, table: capacity.ClusterTable, health: Health) -> None:
        self.bus = connection
        self.table = table
        self.health = health
        self.answers: dict[str, Placed] = {}

    async def ask(self, asked: BindingRequest) -> None:
        key = OriginKey(asked.namespace, asked.name)
        await self.bus.publish(self.bus.subjects.binding_request(key), asked)

    async def listen(self) -> None:
        def heard(delivery: bus.Delivery[Placed]) -> None:
            self.answers[delivery.message.name] = delivery.message

        await self.bus.follow(
            subjects.PLACEMENTS,
            [self.bus.subjects.all("binding", "placed")],
            consumer="policy",
            decode=lambda _: Placed,
            on_message=heard,
            on_replay=self.answers.clear,
            caught_up=asyncio.Event(),
        )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
async def world(nats_url: str, redis_url: str) -> AsyncIterator[World]:
    prefix = f"t{uuid.uuid4().hex[:10]}"
    settings = Settings(nats_url=nats_url, redis_url=redis_url, subject_prefix=prefix)
    health = Health()
    async with (
        bus.connect(nats_url, name="test", prefix=prefix) as connection,
        capacity.connect(redis_url, prefix=prefix) as table,
        asyncio.TaskGroup() as tasks,
    ):
        await connection.ensure_streams()
        made = World(connection, table, health)
        running: list[asyncio.Task[Any]] = [
            tasks.create_task(main.serve(settings, health)),
            tasks.create_task(made.listen()),
        ]
        yield made
        for task in running:
            task.cancel()


async def test_a_request_is_answered_with_clusters_and_reasons(world: World) -> None:
    await world.table.fill([entry("m1"), entry("m2"), entry("m3")])
    await world.ask(request("a", "m1", "m3"))
    await until(lambda: "a" in world.answers)
    answer = world.answers["a"]
    assert [(c.name, c.uid) for c in answer.clusters] == [("m1", "uid-m1"), ("m3", "uid-m3")]
    assert answer.digest == "digest-a-1"
    (left,) = [v for v in answer.explanation.clusters if not v.chosen]
    assert (left.cluster, left.reason) == ("m2", "cluster(s) did not match the placement cluster affinity constraint")


async def test_nothing_is_answered_while_nothing_is_known_of_the_clusters(world: World) -> None:
    await world.ask(request("a", "m1"))
    await until(lambda: "clusters: not ready" in world.health.report())
    assert world.answers == {}
    await world.table.fill([entry("m1")])
    await until(lambda: "a" in world.answers)
    assert [c.name for c in world.answers["a"].clusters] == ["m1"]
    assert world.health.is_ready


async def test_no_cluster_at_all_is_an_answer(world: World) -> None:
    await world.table.fill([])
    await world.ask(request("a", "m1"))
    await until(lambda: "a" in world.answers)
    assert world.answers["a"].failure == "NoClusterFit"
    assert world.answers["a"].message == "0/0 clusters are available: no cluster exists."


async def test_a_request_waits_for_the_cluster_change_that_caused_it(world: World) -> None:
    await world.table.fill([entry("m1", 5)])
    await world.ask(request("a", "m1", "m2", revision="7"))
    await world.ask(request("b", "m1"))
    await until(lambda: "b" in world.answers)
    assert "a" not in world.answers
    await world.table.write([entry("m2", 7)], hub_revision=7)
    await until(lambda: "a" in world.answers)
    assert [c.name for c in world.answers["a"].clusters] == ["m1", "m2"]


async def test_it_does_not_wait_for_ever_and_says_what_it_knew(world: World) -> None:
    await world.table.fill([entry("m1", 5)], hub_revision=5)
    await world.ask(request("a", "m1", revision="7"))
    await until(lambda: "a" in world.answers)
    assert world.answers["a"].cluster_revision == "5"


async def test_what_one_request_waited_for_in_vain_the_next_does_not_wait_for(world: World) -> None:
    await world.table.fill([entry("m1", 5)])
    await world.ask(request("a", "m1", revision="7"))
    await until(lambda: "a" in world.answers)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await world.ask(request("b", "m1", revision="7"))
    await until(lambda: "b" in world.answers)
    assert loop.time() - began < 1


async def test_the_last_request_of_a_binding_is_answered_last(world: World) -> None:
    await world.table.fill([entry("m1"), entry("m2")])
    await world.ask(request("a", "m1", seq=1))
    await world.ask(request("a", "m2", seq=2))
    await until(lambda: "a" in world.answers and world.answers["a"].order.seq == 2)
    assert [c.name for c in world.answers["a"].clusters] == ["m2"]
