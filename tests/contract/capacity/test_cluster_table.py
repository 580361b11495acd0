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
        await table.write([entry("b", 7)], hub_revision=7)
        await until(lambda: mirror.names == ["a", "b"])
        assert other.hub_revision == 7
        await table.write(removed=["a"], hub_revision=9)
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
        await table.write([entry("b")], hub_revision=1)
        await until(lambda: mirror.names == ["a", "b"])
    assert held is not None
    assert list(held) == ["a"]


async def test_readers_read_again_what_they_cannot_make_sense_of(
    table: capacity.ClusterTable, other: capacity.ClusterTable
) -> None:
    await table.fill([entry("a")])
    mirror = Mirror()
    async with running(other.follow(mirror.on_change)):
        await until(lambda: mirror.names == ["a"])
        for nonsense in ("", "what?", "99 {", "2 null", "-1 {}"):
            await table._client.publish(table._changes, nonsense)
        await table.write([entry("b")], hub_revision=3)
        await until(lambda: mirror.names == ["a", "b"] and other.hub_revision == 3)


async def test_a_table_that_was_never_filled_is_unknown(table: capacity.ClusterTable) -> None:
    mirror = Mirror()
    async with running(table.follow(mirror.on_change, mirror.on_unknown)):
        await until(lambda: mirror.unknown == 1)
        await table.write([entry("a")], hub_revision=1)
        await until(lambda: table._seen.revision == 1)
        assert mirror.entries is None
        await table.fill([entry("a"), entry("b")])
        await until(lambda: mirror.names == ["a", "b"])


class Writer:
    """What fills the table again whenever it is lost."""

    def __init__(self, table: capacity.ClusterTable, *names: str) -> None:
        self.rows = {name: entry(name) for name in names}
        self.fills = 0
        self._table = table
        self._lost = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._table.watch_epoch(self._lost.set))
            while True:
                await self._lost.wait()
                self._lost.clear()
                try:
                    await self._table.fill(self.rows.values())
                except capacity.RedisError:
                    continue
                self.fills += 1


@asynccontextmanager
async def own_redis(directory: Path, *names: str) -> AsyncIterator[tuple[Any, Writer, capacity.ClusterTable, Mirror]]:
    """A Redis for one test: a client of it, a writer that fills the table, and a reader with its copy."""
    mirror = Mirror()
    async with (
        servers.redis_server(directory) as server,
        capacity.connect(server.url) as table,
        capacity.connect(server.url) as other,
        redis.asyncio.Redis.from_url(server.url) as client,
    ):
        writer = Writer(table, *names)
        async with running(writer.run(), other.follow(mirror.on_change, mirror.on_unknown)):
            await until(lambda: mirror.names == sorted(names))
            yield client, writer, table, mirror


async def test_a_wipe_is_noticed_by_readers_and_healed_by_the_writer(tmp_path: Path) -> None:
    async with own_redis(tmp_path, "a", "b") as (client, writer, _, mirror):
        await client.flushall()
        await until(lambda: writer.fills == 2 and mirror.names == ["a", "b"])


async def test_a_redis_that_was_put_back_to_an_earlier_copy_is_filled_again(tmp_path: Path) -> None:
    async with own_redis(tmp_path, "a", "b") as (client, writer, table, mirror):
        copy = {key: await client.dump(key) for key in await client.keys("*")}
        writer.rows = {"a": entry("a", 9)}
        await table.write(writer.rows.values(), removed=["b"], hub_revision=9)
        await until(lambda: mirror.names == ["a"])
        await client.flushall()
        for key, value in copy.items():
            await client.restore(key, 0, value)
        await until(lambda: writer.fills == 2)
        assert list((await table.all()).values()) == [entry("a", 9)]
        await until(lambda: mirror.entries == {"a": entry("a", 9)})


async def test_a_write_on_what_was_put_back_does_not_hide_it(tmp_path: Path) -> None:
    async with own_redis(tmp_path, "a", "b") as (client, writer, table, mirror):
        copy = {key: await client.dump(key) for key in await client.keys("*")}
        await table.write([entry("c", 2)], hub_revision=2)
        writer.rows["c"] = entry("c", 2)
        await until(lambda: mirror.names == ["a", "b", "c"])
        await client.flushall()
        for key, value in copy.items():
            await client.restore(key, 0, value)
        await table.write([entry("d", 3)], hub_revision=3)
        writer.rows["d"] = entry("d", 3)
        await until(lambda: mirror.names == ["a", "b", "c", "d"])


async def test_what_another_writer_wrote_is_not_left(tmp_path: Path) -> None:
    async with own_redis(tmp_path, "a") as (client, writer, table, mirror):
        async with capacity.connect(_url(client)) as late:
            await late.write([entry("ghost")], removed=["a"], hub_revision=1)
        await until(lambda: writer.fills == 2 and mirror.names == ["a"])
        assert list(await table.all()) == ["a"]


def _url(client: Any) -> str:
    known = client.connection_pool.connection_kwargs
    return f"redis://:{known['password']}@{known['host']}:{known['port']}/{known.get('db', 0)}"


async def test_while_redis_is_away_the_last_copy_stays_and_a_restart_is_healed(tmp_path: Path) -> None:
    async with servers.redis_server(tmp_path) as first:
        pass
    mirror = Mirror()
    async with (
        capacity.connect(first.url) as table,
        capacity.connect(first.url) as reader,
        running(Writer(table, "a").run(), reader.follow(mirror.on_change, mirror.on_unknown)),
    ):
        async with servers.redis_server(tmp_path):
            await until(lambda: mirror.names == ["a"])
        assert mirror.names == ["a"]
        async with servers.redis_server(tmp_path) as again:
            assert again.url == first.url
            await until(lambda: mirror.names == ["a"] and table._written is not None)
            await until(lambda: reader._seen.epoch == (table._written or ("", 0))[0])
