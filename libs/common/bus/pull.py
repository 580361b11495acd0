"""A standing pull on a consumer: messages flow without a request each, and its end is noticed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, NamedTuple

from nats.aio.msg import Msg

from libs.common.bus.session import Session


class Rhythm(NamedTuple):
    """How long the server keeps a pull request, and how often it shows meanwhile that it lives."""

    lasts: timedelta
    heartbeat: timedelta


STANDING: Final = Rhythm(timedelta(seconds=30), timedelta(seconds=3))
"""For consumers that one reader has for itself, or that many share."""
HANDED_ON: Final = Rhythm(timedelta(seconds=8), timedelta(seconds=4))
"""For consumers that go from one reader to the next: what a reader that was stopped had asked for keeps messages from
its successor for so long. At rest it costs as many messages as the other."""
_MISSED: Final = 2.5
"""Heartbeats without which a pull counts as dead: a pull request dies with its server, silently."""
_PULL_BYTES: Final = 32 * 1024 * 1024
"""What one request may bring at most, so that large messages do not pile up in memory."""


_LAST_DELIVERED: Final = "Nats-Last-Consumer"


class Place(NamedTuple):
    """Where a delivered message stands, parsed from its acknowledgement subject."""

    stream_seq: int
    consumer_seq: int
    pending: int
    """Matching messages of the stream that the consumer has yet to deliver."""
    attempts: int


def place(reply: str) -> Place:
    """Parses `$JS.ACK.<stream>.<consumer>.<attempts>.<seq>.<consumer seq>.<time>.<pending>`, and its longer form with
    `<domain>.<account>` before the stream and a random token at the end."""
    tokens = reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    attempts, stream_seq, consumer_seq, _, pending = (int(t) for t in tokens[at : at + 5])
    return Place(stream_seq, consumer_seq, pending, attempts)


class Pull:
    """One life of a pull; when `ended` is set the reader looks what happened and opens another."""

    def __init__(
        self,
        session: Session,
        stream: str,
        consumer: str,
        on_message: Callable[[Msg], None],
        on_idle: Callable[[int], None],
        on_end: Callable[[], None],
        batch: int,
        rhythm: Rhythm,
    ) -> None:
        self._session = session
        self._rhythm = rhythm
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = session.client.new_inbox()
        self._on_message = on_message
        self._on_idle = on_idle
        self._on_end = on_end
        self._batch = batch
        self._asked = 0
        self._seen_at = 0.0
        self.ended = asyncio.Event()
        self.why = ""

    def end(self, why: str) -> None:
        """Stops deliveries at once; messages under way are dropped, and delivered again by a reset."""
        if not self.ended.is_set():
            self.why = why
            self.ended.set()
            self._on_end()

    async def start(self) -> None:
        self._seen_at = asyncio.get_running_loop().time()
        self._subscription = await self._session.client.listen(self._inbox, self._received)
        self._ask()

    async def stop(self) -> None:
        self.end("stopped")
        if not self._session.client.is_closed:
            await self._subscription.unsubscribe()

    @property
    def overdue(self) -> bool:
        """Whether a sign of the server should have come by now."""
        return asyncio.get_running_loop().time() - self._seen_at > 1.2 * self._rhythm.heartbeat.total_seconds()

    def check_alive(self) -> None:
        """Ends the pull if the server has been silent for too long."""
        silent = asyncio.get_running_loop().time() - self._seen_at
        if silent > _MISSED * self._rhythm.heartbeat.total_seconds():
            self.end(f"no sign of the server for {silent:.0f} s")

    def _ask(self) -> None:
        wanted = self._batch - self._asked
        request = {
            "batch": wanted,
            "max_bytes": _PULL_BYTES,
            "expires": int(self._rhythm.lasts.total_seconds() * 1e9),
            "idle_heartbeat": int(self._rhythm.heartbeat.total_seconds() * 1e9),
        }
        self._asked += wanted
        self._session.client.send(self._subject, json.dumps(request).encode(), self._inbox)

    def _received(self, message: Msg) -> None:
        self._seen_at = asyncio.get_running_loop().time()
        if self.ended.is_set():
            return
        if message.reply:
            self._asked -= 1
            self._on_message(message)
        else:
            headers = message.headers or {}
            self._control(headers.get("Status", ""), headers)
        if not self.ended.is_set() and self._asked <= self._batch // 2:
            self._ask()

    def _control(self, status: str, headers: dict[str, str]) -> None:
        """408 and 409 give back what a request had left; only some of them mean that the consumer itself is gone."""
        if status == "100":
            self._on_idle(int(headers.get(_LAST_DELIVERED, -1)))
            return
        said = headers.get("Description", "")
        left = headers.get("Nats-Pending-Messages")
        if status in ("408", "409") and left is not None:
            self._asked = max(0, self._asked - int(left))
        else:
            self.end(f"{status} {said}".strip())


@asynccontextmanager
async def pulling(
    session: Session,
    stream: str,
    consumer: str,
    on_message: Callable[[Msg], None],
    *,
    batch: int,
    on_idle: Callable[[int], None] = lambda _: None,
    on_end: Callable[[], None] = lambda: None,
    rhythm: Rhythm = STANDING,
) -> AsyncIterator[Pull]:
    """A pull for the time of the block; it also ends when the connection is cut.

    Args:
        on_message: called in the consumer's order; it must not block and may end the pull.
        batch: messages asked for at a time; at most so many wait in this process.
        on_idle: called every few seconds without a message, with the number of deliveries the consumer has made.
        on_end: called once when the pull has ended, whatever the reason.
    """
    pull = Pull(session, stream, consumer, on_message, on_idle, on_end, batch, rhythm)
    with session.on_cut(lambda: pull.end("the connection was lost")):
        await pull.start()
        try:
            yield pull
        finally:
            await pull.stop()
