"""The cluster table in Redis: what the status-aggregator knows of the members, for the scheduler. Only user of Redis.

Keys, all under one hash tag so that scripts work on a Redis cluster:

    {argosy}:clusters   hash: cluster name -> ClusterEntry as JSON
    {argosy}:epoch      which filling of the table this is; absent: wiped or never filled, so the table is unknown
    {argosy}:revision   counts writes; a reader that sees a gap reads the table again
    {argosy}:hub        highest resourceVersion of a Cluster that the table reflects, removals included
    {argosy}:changes    channel: `<revision> put <entry>`, `<revision> remove <hub> <name>`, `0 fill`

Everything in it can be made again by its writer, so nothing here waits long: a reader keeps what it has.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
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

_PUT: Final = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[3]) or '0') then redis.call('SET', KEYS[3], ARGV[3]) end
local revision = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', KEYS[4], revision .. ' put ' .. ARGV[2])
return revision
"""
_REMOVE: Final = """
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored and cjson.decode(stored).uid == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) else stored = false end
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[3]) or '0') then redis.call('SET', KEYS[3], ARGV[3]) end
local revision = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', KEYS[4], revision .. ' remove ' .. ARGV[3] .. ' ' .. (stored and ARGV[1] or ''))
return revision
"""

RedisError = redis.exceptions.RedisError
"""What any call raises when Redis does not answer; the caller tries again later."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The table as a reader has it. `entries` must not be changed."""

    entries: dict[str, ClusterEntry] = {}
    epoch: str = ""
    revision: int = 0
    hub_revision: int = 0


class ClusterTable:
    """Reads and writes the cluster table. Made by `connect`."""

    def __init__(self, client: "redis.asyncio.Redis", prefix: str) -> None:
        self._client = client
        self._clusters, self._epoch, self._revision, self._hub, self._changes = (
            f"{{{prefix}}}:{name}" for name in ("clusters", "epoch", "revision", "hub", "changes")
        )
        self._put = client.register_script(_PUT)
        self._remove = client.register_script(_REMOVE)
        self._filled = ""
        self._seen = Snapshot()

    @property
    def hub_revision(self) -> int:
        """The highest resourceVersion of a Cluster that this reader's table reflects; 0 before the first read."""
        return self._seen.hub_revision

    # ---- the writer --------------------------------------------------------------------------------------------------

    async def put(self, entry: ClusterEntry) -> None:
        """Writes a row and tells the readers. Raises RedisError."""
        version = _version(entry.resource_version)
        await heeded(self._put(keys=self._keys, args=[entry.name, _encoder.encode(entry), version]))

    async def remove(self, name: str, uid: str, *, resource_version: str = "") -> None:
        """Removes a row if it is that uid's, and tells the readers. Raises RedisError.

        Args:
            resource_version: that of the Cluster's deletion, if known: readers wait for it.
        """
        await heeded(self._remove(keys=self._keys, args=[name, uid, _version(resource_version)]))

    async def fill(self, entries: Iterable[ClusterEntry]) -> None:
        """Replaces the whole table in one step and makes it known under a new epoch. Raises RedisError."""
        rows = {entry.name: entry for entry in entries}
        epoch = uuid.uuid4().hex
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(self._clusters)
            if rows:
                pipe.hset(self._clusters, mapping={name: _encoder.encode(entry) for name, entry in rows.items()})
            pipe.set(self._hub, max((_version(entry.resource_version) for entry in rows.values()), default=0))
            pipe.set(self._epoch, epoch)
            pipe.incr(self._revision)
            pipe.publish(self._changes, "0 fill")
            await heeded(pipe.execute())
        self._filled = epoch
        REFILLS.inc()

    async def watch_epoch(self, on_wiped: Callable[[], Awaitable[None]]) -> None:
        """For the writer, for ever: calls `on_wiped`, which is to `fill`, whenever the table is not the one it filled.

        That is so at its start, after a wipe, after Redis was put back, and after another writer.
        """
        attempt = 0
        while True:
            try:
                if not self._filled or await self._current_epoch() != self._filled:
                    await on_wiped()
                attempt = 0
                pause = _CHECK.total_seconds()
            except RedisError as error:
                pause = _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)]
                attempt += 1
                if attempt == len(_RETRY_SECONDS):
                    log.warning("cluster table cannot be written", error=str(error))
            await asyncio.sleep(pause)

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
        attempt = 0
        while True:
            try:
                await self._follow(on_change, on_unknown)
            except (RedisError, OSError) as error:
                if attempt == len(_RETRY_SECONDS):
                    log.warning("cluster table cannot be followed; the last copy is used", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1

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
        revision, _, change = message["data"].partition(b" ")
        verb, _, rest = change.partition(b" ")
        if int(revision) <= self._seen.revision and int(revision) != 0:
            return None
        if int(revision) != self._seen.revision + 1 or not self._seen.epoch:
            return await self._read("gap")
        try:
            return _changed(self._seen, verb, rest)
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


def _changed(seen: Snapshot, verb: bytes, rest: bytes) -> Snapshot:
    """The next table: the old one is not touched, others may hold it."""
    entries, hub = dict(seen.entries), seen.hub_revision
    if verb == b"put":
        entry = _entries.decode(rest)
        entries[entry.name] = entry
        hub = max(hub, _version(entry.resource_version))
    elif verb == b"remove":
        version, _, name = rest.partition(b" ")
        entries.pop(name.decode(), None)
        hub = max(hub, int(version))
    return msgspec.structs.replace(seen, entries=entries, revision=seen.revision + 1, hub_revision=hub)


def _version(resource_version: str) -> int:
    return int(resource_version) if resource_version.isdecimal() else 0


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
