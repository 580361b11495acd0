"""What the cluster table says of itself: up to which change of a Cluster it shows them all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest_asyncio

from libs.common.kube import resources
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey
from libs.common.messages import ClusterEntry
from tests.stories.aggregator.scene import PATIENCE, Scene


class Reader:
    """All states of the table that a reader came to see, and all changes of Clusters that the hub made."""

    def __init__(self, world: Scene) -> None:
        self._redis = world.redis
        self.rows: dict[str, ClusterEntry] = {}
        self.states: list[tuple[int, dict[str, int]]] = []
        """The revision that was claimed, and the versions of the rows."""
        self.changes: list[tuple[int, str, bool]] = []
        """Version and cluster of each change, and whether the cluster is still there after it."""

    @property
    def claimed(self) -> int:
        return self._redis.hub_revision

    def see(self, rows: dict[str, ClusterEntry]) -> None:
        self.rows = rows
        self.states.append((self.claimed, {name: int(row.resource_version) for name, row in rows.items()}))

    def note(self, change: Change[Any]) -> None:
        version = int(msgspec.json.decode(change.raw)["metadata"]["resourceVersion"])
        self.changes.append((version, change.key.name, change.new is not None))

    def missing(self) -> list[str]:
        """Changes that a state of the table claims to show and does not."""
        return [
            f"{name} has version {rows.get(name)} where {version} was at most {claimed}"
            for claimed, rows in self.states
            for version, name, stays in self.changes
            if version <= claimed and not _shows(rows.get(name), version, stays)
        ]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)


def _shows(row: int | None, version: int, stays: bool) -> bool:
    """A later state may be there as well; clusters of these stories never come back."""
    return row is None or row >= version if stays else row is None


@pytest_asyncio.fixture
async def reader(world: Scene) -> AsyncIterator[Reader]:
    made = Reader(world)
    hub: Informer[Any] = Informer(
        world.api, resources.CLUSTERS, decode=msgspec.json.Decoder(dict).decode, on_change=made.note
    )
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(hub.run()), tasks.create_task(world.redis.follow(made.see))]
        await hub.synced.wait()
        yield made
        for task in running:
            task.cancel()


async def test_it_shows_a_removal_and_says_so(world: Scene, reader: Reader) -> None:
    for name in ("a", "b"):
        await world.cluster(name)
    await reader.until(lambda: {"a", "b"} <= set(reader.rows))
    await world.api.delete(resources.CLUSTERS, ObjectKey("", "b"))
    await reader.until(lambda: not reader.changes[-1][2] or (reader.changes[-1][1] != "b" and "b" not in reader.rows))
    (deleted,) = [version for version, name, stays in reader.changes if not stays]
    await reader.until(lambda: "b" not in reader.rows and reader.claimed >= deleted)
    assert reader.missing() == []


async def test_it_comes_to_show_what_the_aggregator_wrote_itself(world: Scene, reader: Reader) -> None:
    await world.cluster("a")
    await world.report("a")
    for _ in range(3):
        await world.beat("a")
    await reader.until(lambda: "a" in reader.rows and reader.rows["a"].ready == "True")
    written = int(reader.rows["a"].resource_version)
    await reader.until(lambda: reader.claimed >= written)


async def test_it_never_claims_more_than_it_shows(world: Scene, reader: Reader) -> None:
    names = [f"m{i}" for i in range(12)]
    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(world.cluster(name))
    for turn in range(8):
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                change = {"metadata": {"labels": {"turn": str(turn)}}}
                tasks.create_task(world.api.patch(resources.CLUSTERS, ObjectKey("", name), change))
    async with asyncio.TaskGroup() as tasks:
        for name in names[:6]:
            tasks.create_task(world.api.delete(resources.CLUSTERS, ObjectKey("", name)))
    await reader.until(lambda: set(reader.rows) == set(names[6:]))
    await reader.until(lambda: reader.claimed >= max(version for version, _, stays in reader.changes if not stays))
    assert reader.missing() == []
