"""The one reconcile loop: keys in, each brought to its desired state, again and again until that is done.

A `Queue` is a set of dirty keys. A key that is added while it waits is there once; one that is added while it is being
handled is handled once more afterwards. So sources (informers, consumers, timers) only say *that* something changed,
and the handler reads what is true now. Different keys are handled in parallel, one key never is.

The handler answers `DONE`, or `After(delay)` to be called again; it raises `errors.Terminal` if trying again cannot
help, and anything else to be called again with a growing, jittered pause.
"""

import asyncio
import heapq
import random
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import msgspec
import prometheus_client
import structlog

from libs.common import cancellation, errors
from libs.common.backoff import Backoff

K = TypeVar("K", bound=Hashable)

log = structlog.get_logger(__name__)

RECONCILES: Final = prometheus_client.Counter(
    "argosy_reconcile_total", "Keys handled, by outcome: done, after, retry, terminal, error.", ["queue", "outcome"]
)
DURATION: Final = prometheus_client.Histogram(
    "argosy_reconcile_duration_seconds",
    "Time spent on one key.",
    ["queue"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
DEPTH: Final = prometheus_client.Gauge("argosy_reconcile_queue_depth", "Keys that wait to be handled.", ["queue"])

_GOES_ON: Final = 4
"""Failures in a row after which what is ordinary is so no more."""
_QUEUES: Final[dict[str, "weakref.WeakSet[Queue[Any]]"]] = {}
"""By name: several loops of one process may share one, such as those of many agents."""


class Done(msgspec.Struct, frozen=True):
    """The key is as it should be; nothing more until it is added again."""


class After(msgspec.Struct, frozen=True):
    """Handle the key again after `delay`, even if nothing changes."""

    delay: timedelta


DONE: Final = Done()
Outcome = Done | After


class Queue(Generic[K]):
    """Dirty keys, by priority (higher first) and then by age. To be used from one event loop only."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, K]] = []
        self._waiting: dict[K, tuple[int, int]] = {}
        self._busy: set[K] = set()
        self._again: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._takers: deque[asyncio.Future[None]] = deque()
        self._age = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    def add(self, key: K, *, priority: int = 0) -> None:
        """Marks `key` as dirty. A waiting key keeps the higher of its priorities."""
        if key in self._busy:
            self._again[key] = max(priority, self._again.get(key, priority))
            return
        rank = self._waiting.get(key)
        if rank is not None and -rank[0] >= priority:
            return
        self._age += 1
        rank = (-priority, self._age)
        self._waiting[key] = rank
        heapq.heappush(self._heap, (*rank, key))
        self._wake()

    def add_after(self, key: K, delay: timedelta) -> None:
        """Marks `key` as dirty after `delay`. Of several timers of one key the earliest counts, the others are gone."""
        seconds = delay.total_seconds()
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    async def take(self) -> K:
        """Waits for the next key, which is then busy until `release`."""
        while True:
            while self._heap:
                rank, age, key = heapq.heappop(self._heap)
                if self._waiting.get(key) == (rank, age):
                    del self._waiting[key]
                    self._busy.add(key)
                    return key
            taker = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            try:
                await taker
            except asyncio.CancelledError:
                if taker.done() and not taker.cancelled():
                    self._wake()
                elif taker in self._takers:
                    self._takers.remove(taker)
                raise

    def release(self, key: K) -> None:
        """Ends the handling of a key that `take` gave; it waits again if it was added meanwhile."""
        self._busy.discard(key)
        if key in self._again:
            self.add(key, priority=self._again.pop(key))

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _wake(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return


async def run(
    queue: Queue[K],
    handle: Callable[[K], Awaitable[Outcome]],
    *,
    name: str,
    workers: int = 16,
    backoff: Backoff = Backoff(),
    grace: timedelta = timedelta(seconds=5),
) -> None:
    """Handles the keys of `queue` for ever, at most `workers` at a time.

    When cancelled it takes no more keys, waits up to `grace` for those being handled, and cancels the rest; these are
    dirty again in the queue, which may be run again. `name` labels logs and metrics.
    """
    loop = _Loop(queue, handle, name, backoff)
    queues = _QUEUES.setdefault(name, weakref.WeakSet())
    queues.add(queue)
    DEPTH.labels(name).set_function(lambda: sum(map(len, queues)))
    async with asyncio.TaskGroup() as group:
        takers = [group.create_task(loop.work(), name=f"{name}-{number}") for number in range(workers)]
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            loop.stopping = True
            handling = {taker for taker in takers if taker not in loop.idle}
            for taker in loop.idle:
                taker.cancel()
            if handling:
                await asyncio.wait(handling, timeout=grace.total_seconds())
            raise


class _Loop(Generic[K]):
    """The workers' shared state: who is idle, and which keys fail how often in a row."""

    def __init__(self, queue: Queue[K], handle: Callable[[K], Awaitable[Outcome]], name: str, backoff: Backoff) -> None:
        self._queue = queue
        self._handle = handle
        self._backoff = backoff
        self._failures: dict[K, int] = {}
        self._log = log.bind(queue=name)
        self._outcomes = {
            outcome: RECONCILES.labels(name, outcome) for outcome in ("done", "after", "retry", "terminal", "error")
        }
        self._duration = DURATION.labels(name)
        self.idle: set[asyncio.Task[None]] = set()
        self.stopping = False

    async def work(self) -> None:
        """One worker: takes and handles keys until it is told to stop."""
        loop = asyncio.get_running_loop()
        me = asyncio.current_task()
        assert me is not None
        while not self.stopping:
            self.idle.add(me)
            try:
                key = await self._queue.take()
            finally:
                self.idle.discard(me)
            began = loop.time()
            try:
                await self._attempt(key)
            except BaseException:
                self._queue.add(key)
                raise
            finally:
                self._queue.release(key)
                self._duration.observe(loop.time() - began)

    async def _attempt(self, key: K) -> None:
        try:
            outcome = await self._handle(key)
        except errors.Terminal as error:
            self._outcomes["terminal"].inc()
            self._failures.pop(key, None)
            self._log.warning("gave up", key=key, error=str(error))
        except asyncio.CancelledError as error:
            if cancellation.is_asked():
                raise
            self._failed(key, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the key is tried again and the others go on
            self._failed(key, error)
        else:
            self._failures.pop(key, None)
            if isinstance(outcome, After):
                self._outcomes["after"].inc()
                self._queue.add_after(key, outcome.delay)
            else:
                self._outcomes["done"].inc()

    def _failed(self, key: K, error: BaseException) -> None:
        """Says it once per streak: what was not foreseen at once and with its traceback, the rest if it goes on."""
        ordinary = _ordinary(error)
        self._outcomes["retry" if ordinary is not None else "error"].inc()
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        after = ordinary.after if isinstance(ordinary, errors.Retry) else None
        pause = after if after is not None else self._backoff.delay(failures, random.random())
        told = {
            "key": key,
            "error": str(ordinary or error) or type(ordinary or error).__name__,
            "failures": failures,
            "pause": pause.total_seconds(),
        }
        if ordinary is None and failures == 1:
            self._log.warning("failed", **told, exc_info=error)
        elif ordinary is not None and failures == _GOES_ON:
            self._log.warning("not yet", **told)
        else:
            self._log.debug("not yet" if ordinary is not None else "failed again", **told)
        self._queue.add_after(key, pause)


def _ordinary(error: BaseException) -> Exception | None:
    """The error itself, or the first of a group, if nothing of it is out of the ordinary."""
    if isinstance(error, ExceptionGroup):
        ordinary, others = error.split(errors.Ordinary)
        return _ordinary(ordinary.exceptions[0]) if ordinary is not None and others is None else None
    return error if isinstance(error, errors.Ordinary) else None
