"""The cluster table in Redis: what the status-aggregator knows of the members, for the scheduler. Only user of Redis.

Keys, all under one hash tag so that scripts work on a Redis cluster:

    {argosy}:clusters   hash: cluster name -> ClusterEntry as JSON
    {argosy}:epoch      which filling of the table this is; absent: wiped or never filled, so the table is unknown
    {argosy}:revision   counts writes; a reader that sees a gap reads the table again, a writer fills it again
    {argosy}:hub        up to which resourceVersion the table shows every change of a Cluster, removals included
    {argosy}:changes    channel: `<revision> <TableChange as JSON>`, `0 fill`

There is one writer at a time, and its writes come in order. Everything in the table can be made again by it, so nothing
here waits long: a reader keeps what it has.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import Counter

from libs.common import optional
from libs.common.cancellation import heeded
from libs.common.messages import ClusterEntry

with optional.hidden("opentelemetry"):
    import redis.asyncio
    import redis.exceptions
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

log = structlog.get_logger()

REFILLS: Final = Counter("argosy_cluster_table_fills_total", "Times the cluster table was filled from the beginning")
READS: Final = Counter("argosy_cluster_table_reads_total", "Times a reader read the whole cluster table", ["why"])

_CALL_LIMIT: Final = timedelta(seconds=2)
_CHECK: Final = timedelta(seconds=1)
"""How often the epoch is looked at: a wiped Redis tells nobody."""
_RETRY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)

_entries: Final = msgspec.json.Decoder(ClusterEntry)
_encoder: Final = msgspec.json.Encoder()

_WRITE: Final = """
local rows = tonumber(ARGV[3])
for i = 4, 2 + 2 * rows, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 4 + 2 * rows, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('SET', KEYS[3], ARGV[1])
local revision = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', KEYS[4], revision .. ' ' .. ARGV[2])
return revision
"""
"""Arguments: the hub's revision, the message without its revision, how many rows; their names and values; what goes."""

RedisError = redis.exceptions.RedisError
"""What any call raises when Redis does not answer; the caller tries again later."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The table as a reader has it. `entries` must not be changed."""

    entries: dict[str, ClusterEntry] = {}
    epoch: str = ""
    revision: int = 0
    hub_revision: int = 0


class TableChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one write changed."""

    hub_revision: int
    rows: list[ClusterEntry] = []
    removed: list[str] = []


_changes: Final = msgspec.json.Decoder(TableChange)


class ClusterTable:
    """Reads and writes the cluster table. Made by `connect`."""

    def __init__(self, client: "redis.asyncio.Redis", prefix: str) -> None:
        self._client = client
        self._clusters, self._epoch, self._revision, self._hub, self._changes = (
            f"{{{prefix}}}:{name}" for name in ("clusters", "epoch", "revision", "hub", "changes")
        )
        self._write = client.register_script(_WRITE)
        self._writing = asyncio.Lock()
        self._written: tuple[str, int] | None = None
        """Epoch and revision after this writer's last write; None when the table is not, or may not be, as it wrote."""
        self._seen = Snapshot()
        self._failures = 0

    @property
    def hub_revision(self) -> int:
        """Up to which resourceVersion this reader's table shows every change of a Cluster; 0 before the first read."""
        return self._seen.hub_revision

    # ---- the writer --------------------------------------------------------------------------------------------------

    async def write(self, rows: Iterable[ClusterEntry] = (), *, removed: Iterable[str] = (), hub_revision: int) -> None:
        """Writes and removes rows in one step, and tells the readers. Raises RedisError.

        Args:
            hub_revision: the table then shows every change of a Cluster up to this resourceVersion.
        """
        change = TableChange(hub_revision=hub_revision, rows=list(rows), removed=list(removed))
        values = [part for row in change.rows for part in (row.name, _encoder.encode(row))]
        arguments = [hub_revision, _encoder.encode(change), len(change.rows), *values, *change.removed]
        async with self._writing:
            before, self._written = self._written, None
            revision = int(await heeded(self._write(keys=self._keys, args=arguments)))
            if before is not None and revision == before[1] + 1:
                self._written = (before[0], revision)

    async def fill(self, entries: Iterable[ClusterEntry], *, hub_revision: int = 0) -> None:
        """Replaces the whole table in one step and makes it known under a new epoch. Raises RedisError.

        Args:
            hub_revision: as for `write`.
        """
        rows: dict[Any, Any] = {entry.name: _encoder.encode(entry) for entry in entries}
        epoch = uuid.uuid4().hex
        async with self._writing, self._client.pipeline(transaction=True) as pipe:
            self._written = None
            pipe.delete(self._clusters)
            if rows:
                pipe.hset(self._clusters, mapping=rows)
            pipe.set(self._hub, hub_revision)
            pipe.set(self._epoch, epoch)
            pipe.incr(self._revision)
            pipe.publish(self._changes, "0 fill")
            answers: list[Any] = await heeded(pipe.execute())
            self._written = (epoch, int(answers[-2]))
        REFILLS.inc()

    async def watch_epoch(self, on_lost: Callable[[], None]) -> None:
        """For the writer, for ever: calls `on_lost`, which is to have `fill` called, while the table is not as written.

        That is so at its start, after a wipe, after Redis was put back to an earlier copy, after another writer, and
        after a write of which it is not known whether it took place.
        """
        attempt = 0
        while True:
            try:
                if not await self._stands():
                    on_lost()
                attempt = 0
                pause = _CHECK.total_seconds()
            except RedisError as error:
                pause = _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)]
                attempt += 1
                if attempt == len(_RETRY_SECONDS):
                    log.warning("cluster table cannot be written", error=str(error))
            await asyncio.sleep(pause)

    async def _stands(self) -> bool:
        async with self._writing:
            if self._written is None:
                return False
            found: list[Any] = await heeded(self._client.mget(self._epoch, self._revision))
            epoch, revision = found
            return ((epoch or b"").decode(), int(revision or 0)) == self._written

    # ---- readers -----------------------------------------------------------------------------------------------------

    async def all(self) -> dict[str, ClusterEntry]:
        """All rows, read now; rows that cannot be decoded are logged and left out. Raises RedisError."""
        return (await self._read("call")).entries

    async def follow(
        self, on_change: Callable[[dict[str, ClusterEntry]], None], on_unknown: Callable[[], None] = lambda: None
    ) -> None:
        """Keeps a reader's copy fresh, for ever. While Redis is away the reader keeps what it has.

        Args:
            on_change: gets the whole table, at once and after each change; it must not change it.
            on_unknown: the table was wiped and is not filled again yet: nothing is known of any cluster.
        """
        while True:
            try:
                await self._follow(on_change, on_unknown)
            except (RedisError, OSError) as error:
                self._failures += 1
                if self._failures == len(_RETRY_SECONDS):
                    log.warning("cluster table cannot be followed; the last copy is used", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS)) - 1])

    async def _follow(
        self, on_change: Callable[[dict[str, ClusterEntry]], None], on_unknown: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        known = True

        def tell(now: Snapshot) -> None:
            nonlocal known
            self._seen = now
            if now.epoch:
                known = True
                on_change(now.entries)
            elif known:
                known = False
                on_unknown()

        async with self._client.pubsub() as pubsub:
            await heeded(pubsub.subscribe(self._changes))
            checked = loop.time()
            while True:
                message = await heeded(pubsub.get_message(timeout=_CHECK.total_seconds()))
                self._failures = 0
                if message is not None:
                    now = await self._after(message)
                    if now is not None:
                        tell(now)
                if message is None or loop.time() - checked > _CHECK.total_seconds():
                    checked = loop.time()
                    if await self._current_epoch() != self._seen.epoch:
                        tell(await self._read("epoch"))

    async def _current_epoch(self) -> str:
        found: Any = await heeded(self._client.get(self._epoch))
        return (found or b"").decode()

    async def _after(self, message: dict[str, Any]) -> Snapshot | None:
        """The table after a message of the channel. Confirmations of the subscription count: changes may be missed."""
        if message["type"] == "subscribe":
            return await self._read("subscribed")
        if message["type"] != "message":
            return None
        number, _, body = message["data"].partition(b" ")
        revision = int(number) if number.isdigit() else 0
        if 0 < revision <= self._seen.revision:
            return None
        if revision != self._seen.revision + 1 or not self._seen.epoch:
            return await self._read("gap")
        try:
            return _changed(self._seen, _changes.decode(body))
        except msgspec.DecodeError:
            return await self._read("undecodable")

    async def _read(self, why: str) -> Snapshot:
        READS.labels(why).inc()
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.get(self._epoch)
            pipe.get(self._revision)
            pipe.get(self._hub)
            pipe.hgetall(self._clusters)
            answers: list[Any] = await heeded(pipe.execute())
        epoch, revision, hub, rows = answers
        entries = {}
        for name, row in rows.items():
            try:
                entries[name.decode()] = _entries.decode(row)
            except msgspec.DecodeError as error:
                log.error("row of the cluster table is no ClusterEntry", cluster=name.decode(), error=str(error))
        return Snapshot(
            entries=entries, epoch=(epoch or b"").decode(), revision=int(revision or 0), hub_revision=int(hub or 0)
        )

    @property
    def _keys(self) -> list[str]:
        return [self._clusters, self._revision, self._hub, self._changes]


def _changed(seen: Snapshot, change: TableChange) -> Snapshot:
    """The next table: the old one is not touched, others may hold it."""
    entries = {**seen.entries, **{row.name: row for row in change.rows}}
    for name in change.removed:
        entries.pop(name, None)
    return msgspec.structs.replace(seen, entries=entries, revision=seen.revision + 1, hub_revision=change.hub_revision)


@asynccontextmanager
async def connect(url: str, *, prefix: str = "argosy") -> AsyncIterator[ClusterTable]:
    """A cluster table for the time of the block. Does not wait for Redis: its absence is no reason not to start."""
    client = redis.asyncio.Redis.from_url(
        url,
        socket_timeout=_CALL_LIMIT.total_seconds(),
        socket_connect_timeout=_CALL_LIMIT.total_seconds(),
        # once more at once, because a pooled connection may be of a server that was restarted; the default would wait
        # for more than ten seconds, and the loops here try again anyway
        retry=Retry(NoBackoff(), 1),
        health_check_interval=10,
    )
    try:
        yield ClusterTable(client, prefix)
    finally:
        await client.aclose()
