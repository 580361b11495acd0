"""The queue of questions to the scheduler: at most one open per binding, and a bounded window of open ones in all.

Nothing is kept of a question but its digest: whoever may ask is told to look again, and asks what is true then. So
waiting questions coalesce by themselves. A question without an answer for too long is asked again.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec

from libs.common import bus
from libs.common.messages import BindingRequest
from libs.common.names import OriginKey
from services.policy import metrics
from services.policy.core.window import Window


class _Open(msgspec.Struct):
    digest: str
    seq: int
    """In the stream; until that is confirmed, what it is at least."""
    since: float
    expired: bool = False


class Requests:
    """Asks, waits, and asks again.

    Args:
        retry: looks at a binding again, with a priority.
        window: how many questions may be open at the same time.
        timeout: after which a question without an answer is asked again.
    """

    def __init__(
        self, nats: bus.Bus, retry: Callable[[OriginKey, int], None], *, window: int, timeout: timedelta
    ) -> None:
        self._nats = nats
        self._retry = retry
        self._timeout = timeout.total_seconds()
        self._window = Window(window, retry)
        self._open: dict[OriginKey, _Open] = {}
        self._wanted: set[OriginKey] = set()
        self._sent: dict[OriginKey, tuple[str, int]] = {}
        self._highest = 0
        self._asked = asyncio.Event()

    async def ask(self, key: OriginKey, request: BindingRequest, *, hurry: bool, traceparent: str) -> bool:
        """Asks now, or when there is room, unless the question is open. Returns whether it was sent.

        Without `hurry` (nothing about the object changed) it asks after all others, and only in half of the window.
        """
        self._wanted.add(key)
        entry = self._open.get(key)
        if entry is not None and not entry.expired:
            return False
        priority = request.priority.priority if request.priority is not None else 0
        if not self._window.take(key, priority, hurry=hurry):
            self._measure()
            return False
        entry = self._open[key] = _Open(request.digest, self._highest + 1, asyncio.get_running_loop().time())
        self._asked.set()
        try:
            entry.seq = await self._nats.publish(
                self._nats.subjects.binding_request(key), request, traceparent=traceparent
            )
        except BaseException:
            self._close(key)
            raise
        self._highest = max(self._highest, entry.seq)
        self._sent[key] = (request.digest, entry.seq)
        metrics.REQUESTS.labels("sent").inc()
        self._measure()
        return True

    def sent(self, key: OriginKey, digest: str) -> int | None:
        """The sequence of the question of that digest, if it was the last one that we sent."""
        known, seq = self._sent.get(key, ("", 0))
        return seq if known == digest else None

    def oldest(self) -> int | None:
        """A sequence below which no question is open; None if none is open at all."""
        return min((entry.seq for entry in self._open.values()), default=None)

    def answered(self, key: OriginKey, digest: str) -> None:
        """Closes the question that an answer is to."""
        entry = self._open.get(key)
        if entry is not None and entry.digest == digest:
            self._close(key)

    def looked(self, key: OriginKey) -> None:
        """A look at a binding is over: if it did not ask, nothing is kept for it but a question on its way."""
        if key in self._wanted:
            self._wanted.discard(key)
            return
        entry = self._open.get(key)
        if entry is None or entry.expired:
            self._close(key)

    def drop(self, key: OriginKey) -> None:
        """Forgets a binding that is gone."""
        self._sent.pop(key, None)
        self._close(key)

    def expire_all(self) -> None:
        """Answers may be lost, perhaps with the stream: everything is asked again."""
        self._highest = 0
        for key, entry in self._open.items():
            entry.expired = True
            self._retry(key, 0)

    async def run(self) -> None:
        """Watches for questions that stay without an answer, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._asked.clear()
            due = [key for key, e in self._open.items() if not e.expired and loop.time() - e.since >= self._timeout]
            for key in due:
                self._open[key].expired = True
                metrics.REQUESTS.labels("expired").inc()
                self._retry(key, 0)
            oldest = min((e.since for e in self._open.values() if not e.expired), default=None)
            try:
                async with asyncio.timeout_at(oldest + self._timeout if oldest is not None else None):
                    await self._asked.wait() if oldest is None else await asyncio.get_running_loop().create_future()
            except TimeoutError:
                continue

    def _close(self, key: OriginKey) -> None:
        self._open.pop(key, None)
        self._window.leave(key)
        self._measure()

    def _measure(self) -> None:
        metrics.WAITING.set(self._window.waiting)
        metrics.IN_FLIGHT.set(len(self._open))
