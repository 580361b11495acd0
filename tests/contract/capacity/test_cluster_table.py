"""The cluster table on the real Redis: what readers see of what its writer does, and of wipes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from libs.cli import servers
from libs.common import capacity
from libs.common.messages import ClusterEntry


def entry(name: str, version: int = 1, uid: str = "") -> ClusterEntry:
    return ClusterEntry(name=name, uid=uid or f"uid-{name}", resource_version=str(version))


class Mirror:
    """A reader's copy."""

    def __init__(self) -> None:
        self.entries: dict[str, ClusterEntry] | None = None
        self.unknown = 0

    def on_change(self, entries: dict[str, ClusterEntry]) -> None:
        self.entries = entries

    def on_unknown(self) -> None:
        self.entries = None
        self.unknown += 1

    @property
    def names(self) -> list[str]:
        return sorted(self.entries or {})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(*coroutines: Any) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(c) for c in coroutines]
        try:
            yield
        finally:
            for task in started:
                task.cancel()


@pytest.fixture
async def table(redis_url: str) -> AsyncIterator[capacity.ClusterTable]:
    async with capacity.connect(redis_url, prefix=uuid.uuid4().hex) as made:
        yield made


@pytest.fixture
async def other(redis_url: str, table: capacity.ClusterTable) -> AsyncIterator[capacity.ClusterTable]:
    """Another process's view of the same table."""
    async with capacity.connect(redis_url, prefix=table._clusters.partition("}")[0][1:]) as made:
        yield made


async def test_a_reader_sees_the_table_and_then_each_change(
    table: capacity.ClusterTable, other: capacity.ClusterTable
) -> None:
    await table.fill([entry("a", 5)])
    mirror = Mirror()
    async with running(other.follow(mirror.on_change, mirror.on_unknown)):
        await until(lambda: mirror.names == ["a"])
        await table.put(entry("b", 7))
        await until(lambda: mirror.names == ["a", "b"])
        await table.remove("a", "uid-a", resource_version="9")
        await until(lambda: mirror.names == ["b"])
        assert other.hub_revision == 9


async def test_a_copy_that_was_handed_out_does_not_change(
    table: capacity.ClusterTable, other: capacity.ClusterTable
) -> None:
    await table.fill([entry("a")])
    mirror = Mirror()
    async with running(other.follow(mirror.on_change)):
        await until(lambda: mirror.names == ["a"])
        held = mirror.entries
        await table.put(entry("b"))
        await until(lambda: mirror.names == ["a", "b"])
    assert held is not None
    assert list(held) == ["a"]


async def test_a_cluster_of_another_uid_is_not_removed(table: capacity.ClusterTable) -> None:
    await table.fill([entry("a", uid="new")])
    await table.remove("a", "old")
    assert list(await table.all()) == ["a"]


async def test_a_table_that_was_never_filled_is_unknown(table: capacity.ClusterTable) -> None:
    mirror = Mirror()
    async with running(table.follow(mirror.on_change, mirror.on_unknown)):
        await until(lambda: mirror.unknown == 1)
        await table.put(entry("a"))
        await until(lambda: table._seen.revision == 1)
        assert mirror.entries is None
        await table.fill([entry("a"), entry("b")])
        await until(lambda: mirror.names == ["a", "b"])


async def test_a_wipe_is_noticed_by_readers_and_healed_by_the_writer(tmp_path: Path) -> None:
    async with (
        servers.redis_server(tmp_path) as server,
        capacity.connect(server.url) as writer,
        capacity.connect(server.url) as reader,
    ):
        fills = 0

        async def fill() -> None:
            nonlocal fills
            fills += 1
            await writer.fill([entry("a"), entry("b")])

        mirror = Mirror()
        async with running(writer.watch_epoch(fill), reader.follow(mirror.on_change, mirror.on_unknown)):
            await until(lambda: mirror.names == ["a", "b"])
            client = redis.asyncio.Redis.from_url(server.url)
            await client.flushall()
            await client.aclose()
            await until(lambda: fills == 2 and mirror.names == ["a", "b"])


async def test_while_redis_is_away_the_last_copy_stays_and_a_restart_is_healed(tmp_path: Path) -> None:
    async with servers.redis_server(tmp_path) as first:
        pass
    mirror = Mirror()
    async with capacity.connect(first.url) as writer, capacity.connect(first.url) as reader:

        async def fill() -> None:
            await writer.fill([entry("a")])

        async with running(writer.watch_epoch(fill), reader.follow(mirror.on_change, mirror.on_unknown)):
            async with servers.redis_server(tmp_path):
                await until(lambda: mirror.names == ["a"])
            assert mirror.names == ["a"]
            async with servers.redis_server(tmp_path) as again:
                assert again.url == first.url
                await until(lambda: mirror.names == ["a"] and reader._seen.epoch == writer._filled != "")
