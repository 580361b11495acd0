"""Publishing to streams: many callers at once, each waits for its own confirmation, so many a bounded number."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
import nats.errors
from nats.aio.msg import Msg

from libs.common.bus import codec, metrics
from libs.common.bus.errors import Overtaken, Unavailable
from libs.common.bus.session import Session

_WINDOW: Final = 1024
"""Unconfirmed messages in flight."""
_LARGE_BYTES: Final = 128 * 1024
_LARGE_WINDOW: Final = 8
"""Unconfirmed messages in flight above that size: they must not pile up in memory."""
_CONFIRM_SECONDS: Final = 5.0
_EXPECTED_SEQ: Final = "Nats-Expected-Last-Subject-Sequence"
_WRONG_LAST_SEQ: Final = (10071, 10164)


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Confirmation(msgspec.Struct, frozen=True):
    stream: str = ""
    seq: int = 0
    error: _Error | None = None


_confirmations: Final = msgspec.json.Decoder(_Confirmation)


class Readiness(Protocol):
    """Says when it makes sense to send."""

    def is_ready(self) -> bool: ...

    async def ready(self) -> None: ...


class Publisher:
    """Sends messages to streams over one session and matches confirmations to senders by the reply subject."""

    def __init__(self, session: Session, readiness: Readiness) -> None:
        self._session = session
        self._readiness = readiness
        self._inbox = session.client.new_inbox()
        self._count = 0
        self._waiting: dict[str, tuple[asyncio.Future[Msg], float]] = {}
        """Senders by reply subject, and until when each waits: in the order of these times."""
        self._timer: asyncio.TimerHandle | None = None
        self._small = asyncio.Semaphore(_WINDOW)
        self._large = asyncio.Semaphore(_LARGE_WINDOW)

    async def start(self) -> None:
        """Subscribes to the confirmations."""
        await self._session.client.listen(f"{self._inbox}.*", self._confirmed)

    async def send(
        self, subject: str, payload: bytes, headers: Mapping[str, str], expected_seq: int | None = None
    ) -> int:
        """Sends and waits for the stream's confirmation; answers the message's sequence.

        Raises:
            TooLarge: the server would close the connection over it.
            Overtaken: the subject's last sequence is not `expected_seq`.
            Unavailable: no confirmation; the message may still be stored later.
            Closed: the connection is gone for good.
        """
        sent = dict(headers)
        if expected_seq is not None:
            sent[_EXPECTED_SEQ] = str(expected_seq)
        codec.check_size(subject, payload, sent, self._session.client.max_payload)
        async with self._large if len(payload) > _LARGE_BYTES else self._small:
            answer = await self._exchange(subject, payload, sent)
        confirmation = _read(subject, answer)
        if confirmation.error is not None:
            raise _failure(subject, expected_seq, confirmation.error)
        return confirmation.seq

    async def _exchange(self, subject: str, payload: bytes, headers: dict[str, str]) -> Msg:
        if not self._readiness.is_ready():
            await self._until_ready(subject)
        loop = asyncio.get_running_loop()
        sent_at, until = time.perf_counter(), loop.time() + _CONFIRM_SECONDS
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        confirmed: asyncio.Future[Msg] = loop.create_future()
        self._waiting[reply] = confirmed, until
        if self._timer is None:
            self._timer = loop.call_at(until, self._expire)
        try:
            self._session.client.send(subject, payload, reply, headers)
            answer = await confirmed
        except nats.errors.Error as error:
            raise Unavailable(f"could not publish {subject}: {error}") from error
        finally:
            del self._waiting[reply]
        metrics.MESSAGES.published += 1
        metrics.MESSAGES.publish_seconds += time.perf_counter() - sent_at
        return answer

    async def _until_ready(self, subject: str) -> None:
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await self._readiness.ready()
        except TimeoutError:
            raise Unavailable(f"no connection for {subject} in {_CONFIRM_SECONDS:.0f} s") from None

    def _confirmed(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(message)

    def _expire(self) -> None:
        """One timer for all senders: those that have waited long enough give up, and the next one sets it again."""
        self._timer = None
        loop = asyncio.get_running_loop()
        for confirmed, until in self._waiting.values():
            if until > loop.time():
                self._timer = loop.call_at(until, self._expire)
                return
            if not confirmed.done():
                confirmed.set_exception(Unavailable(f"no stream confirmed a message in {_CONFIRM_SECONDS:.0f} s"))

    def cut(self) -> None:
        """The connection was lost: what is unconfirmed will not be confirmed any more."""
        for confirmed, _ in self._waiting.values():
            if not confirmed.done():
                confirmed.set_exception(Unavailable("the connection to nats-server was lost before a confirmation"))

    def close(self) -> None:
        """Nothing will be sent any more."""
        if self._timer is not None:
            self._timer.cancel()


def _read(subject: str, answer: Msg) -> _Confirmation:
    if answer.headers and answer.headers.get("Status") == "503":
        raise Unavailable(f"no stream takes {subject}")
    try:
        return _confirmations.decode(answer.data)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{subject}: not a confirmation of a stream: {answer.data[:80]!r}") from error


def _failure(subject: str, expected_seq: int | None, error: _Error) -> Overtaken | Unavailable:
    if error.err_code in _WRONG_LAST_SEQ:
        return Overtaken(
            f"{subject} was written by somebody else: expected sequence {expected_seq}; {error.description}"
        )
    return Unavailable(f"{subject} was not stored: {error.description} ({error.err_code})")
