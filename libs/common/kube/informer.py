"""A mirror of one kind (or of a selected part of it), kept fresh by a watch that survives what servers do.

What can go wrong, and what is done about it:

    the server ends the watch in time                         watch again from the last version seen
    the connection breaks, or is silent for 70 s              read a page; if it shows the same history, the same
    410, as an answer or in the stream: version too old       read all again, and tell of what went meanwhile
    another history: the server was restored or wiped         the same
    the server refuses                                        wait: 0.8 s to 30 s with jitter, or as long as it asks
    the server cannot be reached                              the same, or until another call gets an answer
    an object cannot be decoded                               keep what was known of it, count it, go on
"""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Generic, TypedDict, TypeVar

import msgspec
import prometheus_client
import structlog

from libs.common.backoff import Backoff
from libs.common.kube import errors, wire
from libs.common.kube.client import Client
from libs.common.kube.mirror import Change, Mirror, Replacement
from libs.common.kube.resources import ObjectKey, Resource, version_number

T = TypeVar("T")

__all__ = ["Change", "Informer"]

log = structlog.get_logger(__name__)

READS: Final = prometheus_client.Counter(
    "argosy_informer_reads_total", "Times that a kind was read as a whole.", ["resource"]
)
FAILURES: Final = prometheus_client.Counter(
    "argosy_informer_failures_total", "Times that a read or a watch failed.", ["resource", "error"]
)

_BACKOFF: Final = Backoff(first=timedelta(milliseconds=800), limit=timedelta(seconds=30))
_LIFETIME: Final = timedelta(minutes=5)
_HEALTHY: Final = timedelta(seconds=1)
"""A watch that stood for so long has ended the failures before it."""
_SPREAD: Final = timedelta(milliseconds=500)
"""Within which the watches of a server that is back begin."""
_FIRST_OBJECTS: Final = timedelta(seconds=5)
_STATUS = msgspec.json.Decoder(errors.Status)


class _Selection(TypedDict):
    namespace: str
    label_selector: str
    field_selector: str


class Informer(Generic[T]):
    """Mirrors `resource` into `cache` while `run` runs, and tells `on_change` of each change.

    `decode` makes of an object's bytes what the cache keeps; it should read only what is needed. `on_change` is called
    in the event loop, after the cache has changed, and must be quick. `on_went_back` is told, before anybody acts on
    what went with that, when the server shows an earlier or another history than before: up to which version its
    changes had been known, and which it is at. `synced` is set once the first complete read is
    in the cache; `resource_version` is up to where the server's changes are known, "" before that.
    `failure` is why the server could last not be read, "" once it was.
    """

    def __init__(
        self,
        api: Client,
        resource: Resource,
        *,
        decode: Callable[[bytes], T],
        on_change: Callable[[Change[T]], None],
        on_went_back: Callable[[int, int], None] = lambda known, now: None,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        backoff: Backoff = _BACKOFF,
        lifetime: timedelta = _LIFETIME,
    ) -> None:
        self.resource = resource
        self.synced = asyncio.Event()
        self.resource_version = ""
        self.failure = ""
        self._api = api
        self._on_went_back = on_went_back
        self._mirror = Mirror(resource.plural, decode, on_change)
        self.cache: dict[ObjectKey, T] = self._mirror.cache
        self._selection = _Selection(namespace=namespace, label_selector=label_selector, field_selector=field_selector)
        self._backoff = backoff
        self._lifetime = lifetime
        self._reached = ""
        self._streams_first = True
        self._suspicious = False
        self._opened_at = float("inf")
        self._log = log.bind(resource=resource.plural, server=api.origin)

    def observe(self, body: bytes) -> None:
        """Takes in the answer to our own write, so that the next decision need not wait for the watch."""
        self._mirror.observe(body)

    def forget(self, key: ObjectKey, resource_version: str) -> None:
        """Takes in our own deletion of an object, unless a state newer than `resource_version` is known."""
        self._mirror.forget(key, resource_version)

    async def run(self) -> None:
        """Keeps the cache fresh until it is cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._opened_at = float("inf")
            error: errors.KubeError | None = None
            try:
                ended_as_asked = await self._live()
            except errors.KubeError as caught:
                error, ended_as_asked = caught, False
            if ended_as_asked:
                failures = 0
                continue
            # a server that comes back may be another one: look before trusting the version we have
            self._suspicious = True
            healthy = loop.time() - self._opened_at > _HEALTHY.total_seconds()
            failures = 1 if healthy else failures + 1
            await self._rest(self._pause(error, failures), isinstance(error, errors.Unreachable))

    async def _rest(self, pause: float, unreachable: bool) -> None:
        """Waits that long, or until another call shows that the server can be reached again."""
        if not unreachable:
            await asyncio.sleep(pause)
            return
        try:
            async with asyncio.timeout(pause):
                await self._api.recovered()
        except TimeoutError:
            return
        await asyncio.sleep(min(pause, random.random() * _SPREAD.total_seconds()))

    def _pause(self, error: errors.KubeError | None, failures: int) -> float:
        pause = self._backoff.delay(failures, random.random()).total_seconds()
        if error is None:
            self._log.debug("watch ended early", failures=failures, pause=pause)
            return pause
        FAILURES.labels(self.resource.plural, type(error).__name__).inc()
        self.failure = str(error)
        if isinstance(error, errors.Expired) or (isinstance(error, errors.ServerFault) and error.too_large_version):
            self.resource_version = ""
            pause = 0.0 if failures == 1 else pause
        elif isinstance(error, errors.ApiError) and error.retry_after is not None:
            pause = max(pause, min(error.retry_after, 60.0))
        report = self._log.warning if failures == 1 else self._log.debug
        report(
            "watch interrupted", error=str(error), kind=type(error).__name__, failures=failures, pause=round(pause, 3)
        )
        return pause

    async def _live(self) -> bool:
        """Reads all if need be, then watches; whether the watch ended when it was asked to."""
        if self.resource_version and self._suspicious:
            await self._look_again()
        self._suspicious = False
        if not self.resource_version:
            if self._streams_first:
                return await self._stream_all()
            await self._list_all()
        return await self._watch()

    async def _look_again(self) -> None:
        """After an interruption: reads a page, which for most kinds is all, and reads on if it shows another history.

        A server that was wiped or put back may have reached our version again: the version alone is no proof.
        """
        page = await self._api.page(self.resource, **self._selection)
        if not page.continued:
            whole = self._mirror.replacement(self._reached)
            for item in page.items:
                whole.apply("ADDED", item)
            self._complete(whole, page.resource_version)
        elif version_number(page.resource_version) < version_number(self.resource_version) or any(
            self._mirror.contradicts(item, self._reached) for item in page.items
        ):
            self._went_back(version_number(self._reached), page.resource_version)
            self.resource_version = ""

    async def _list_all(self) -> None:
        whole = self._mirror.replacement(self._reached)
        page = None
        while page is None or page.continued:
            page = await self._api.page(self.resource, **self._selection, continued=page.continued if page else "")
            for item in page.items:
                whole.apply("ADDED", item)
        self._complete(whole, page.resource_version)

    async def _stream_all(self) -> bool:
        """Reads all by a watch that begins with what is there; by a list if the server has no such watches."""
        try:
            ended_as_asked = await self._watch(self._mirror.replacement(self._reached))
        except (errors.BadRequest, errors.Invalid) as refusal:
            self._log.debug("no watch with initial events", error=str(refusal))
        except TimeoutError:
            self._log.debug("a watch did not end its initial events in time")
        else:
            if self.resource_version:
                return ended_as_asked
        self._streams_first = False
        return await self._live()

    async def _watch(self, whole: Replacement[T] | None = None) -> bool:
        """Follows the changes, after those of `whole` if that is given; whether the watch ended when asked to."""
        loop = asyncio.get_running_loop()
        began, lifetime = loop.time(), self._lifetime * (1 + random.random())
        async with (
            asyncio.timeout(None) as patience,
            self._api.watch(
                self.resource,
                resource_version=self.resource_version,
                initial=whole is not None,
                lifetime=lifetime,
                **self._selection,
            ) as more,
        ):
            self._opened_at = loop.time()
            while True:
                patience.reschedule(None if whole is None else loop.time() + _FIRST_OBJECTS.total_seconds())
                events = await more()
                if events is None:
                    break
                for event in events:
                    whole = self._take(event, whole)
        return loop.time() - began >= lifetime.total_seconds() * 0.9

    def _take(self, event: wire.Event, whole: Replacement[T] | None) -> Replacement[T] | None:
        """Takes an event in; the read of the whole that goes on after it, None if it is complete."""
        if event.type == "ERROR":
            raise errors.from_status(_status(event.object))
        if event.type == "BOOKMARK":
            mark = wire.bookmark(event.object)
            if whole is None:
                self._advance(mark.metadata.resource_version)
            elif mark.ends_initial:
                self._complete(whole, mark.metadata.resource_version)
                return None
        elif whole is None:
            self._advance(self._mirror.apply(event.type, event.object))
        else:
            whole.apply(event.type, event.object)
        return whole

    def _advance(self, version: str) -> None:
        """Notes how far we are. A version below that means that the server was put back: read all again."""
        if not version:
            return
        if 0 < version_number(version) < version_number(self.resource_version):
            self._went_back(version_number(self.resource_version), version)
            raise errors.Expired(410, "Expired", f"versions went back from {self.resource_version} to {version}")
        self.resource_version = self._reached = version

    def _complete(self, whole: Replacement[T], version: str) -> None:
        if whole.went_back(version):
            self._went_back(whole.floor, version)
        whole.finish(version)
        READS.labels(self.resource.plural).inc()
        self.resource_version = self._reached = version
        self.failure = ""
        self.synced.set()

    def _went_back(self, known: int, version: str) -> None:
        self._log.warning("the server went back, or has another history", known=known, now=version)
        self._on_went_back(known, version_number(version))


def _status(body: bytes) -> errors.Status:
    try:
        return _STATUS.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise errors.Garbled(f"the server's error cannot be read: {error}") from error
