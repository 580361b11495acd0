"""Work readers: messages that any one of several processes handles, each until it succeeds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from libs.common import cancellation
from libs.common.bus import codec, delivery, following, metrics, streams
from libs.common.bus.dead import DeadLetters
from libs.common.bus.delivery import Delivery
from libs.common.bus.following import Decode
from libs.common.bus.pull import place, pulling
from libs.common.bus.session import Session
from libs.common.errors import Retry, Terminal

log = structlog.get_logger()

_ACK_WAIT: Final = timedelta(seconds=30)
_PROGRESS_SECONDS: Final = 10.0
"""How often the server is told that held messages are still worked on."""
_RETRY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_NAK_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Delay before a message whose handling failed is delivered again, by attempt; the last one holds on."""

Handle = Callable[[Delivery[Any]], Awaitable[None]]


def worker_config(name: str, filters: Sequence[str]) -> ConsumerConfig:
    """A consumer shared by all processes that do this work."""
    return ConsumerConfig(
        name=name,
        durable_name=name,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=_ACK_WAIT.total_seconds(),
        max_deliver=-1,
        max_ack_pending=1000,
        **streams.filtered(filters),
    )


class Workers:
    """Takes messages of one shared consumer and handles several of them at a time."""

    def __init__(
        self,
        session: Session,
        dead: DeadLetters,
        *,
        stream: str,
        filters: Sequence[str],
        consumer: str,
        decode: Decode,
        handle: Handle,
        workers: int,
    ) -> None:
        self._session = session
        self._dead = dead
        self._stream = stream
        self._filters = filters
        self._consumer = consumer
        self._reader = consumer
        self._decode = decode
        self._handle = handle
        self._workers = workers
        self._waiting: asyncio.Queue[Msg] = asyncio.Queue()
        self._held: dict[str, Msg] = {}

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._workers):
                    tasks.create_task(self._work(), name=f"{self._consumer} {number}")
                tasks.create_task(self._hold(), name=f"{self._consumer} in progress")
                await self._read()
        finally:
            await self._give_back()

    async def _read(self) -> None:
        attempt = 0
        while True:
            await self._session.up()
            try:
                config = worker_config(self._consumer, self._filters)
                await following.have_consumer(self._session, self._stream, config)
                async with pulling(
                    self._session, self._stream, self._consumer, self._receive, batch=2 * self._workers
                ) as pull:
                    attempt = 0
                    while not pull.ended.is_set():
                        try:
                            async with asyncio.timeout(_PROGRESS_SECONDS / 2):
                                await pull.ended.wait()
                        except TimeoutError:
                            pull.check_alive()
                log.debug("pull ended", stream=self._stream, consumer=self._consumer, why=pull.why)
            except nats.errors.Error as error:
                attempt += 1
                if attempt == len(_RETRY_SECONDS):
                    log.warning("no work to be had", stream=self._stream, consumer=self._consumer, error=str(error))
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])

    def _receive(self, raw: Msg) -> None:
        metrics.MESSAGES.received[self._reader] += 1
        self._held[raw.reply] = raw
        self._waiting.put_nowait(raw)

    async def _work(self) -> None:
        while True:
            raw = await self._waiting.get()
            answer = await self._handled(raw)
            await self._answer(raw, answer)
            self._held.pop(raw.reply, None)

    async def _handled(self, raw: Msg) -> bytes:
        """Handles one message; answers what to tell the server of it."""
        headers = raw.headers or {}
        at = place(raw.reply)
        try:
            type_ = self._decode(raw.subject)
            if type_ is None:
                return Msg.Ack.Ack
            message = codec.decode(raw.data, headers, type_)
        except (codec.Undecodable, ValueError) as error:
            self._dead.put(raw.subject, raw.data, headers, at.stream_seq, str(error))
            return Msg.Ack.Ack
        taken = delivery.made(raw.subject, message, headers, seq=at.stream_seq)
        try:
            await self._handle(taken)
        except Terminal as error:
            self._dead.put(raw.subject, raw.data, headers, at.stream_seq, str(error))
        except Retry as error:
            return _again(error.after.total_seconds() if error.after is not None else _delay(at.attempts))
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancellation.is_asked():
                raise
            log.warning(
                "message not handled, will be tried again",
                subject=raw.subject,
                seq=at.stream_seq,
                attempt=at.attempts,
                error=f"{type(error).__name__}: {error}",
                exc_info=at.attempts == 1,
            )
            return _again(_delay(at.attempts))
        return Msg.Ack.Ack

    async def _answer(self, raw: Msg, answer: bytes) -> None:
        try:
            await self._session.client.publish(raw.reply, answer)
        except nats.errors.Error as error:
            # unanswered messages are delivered again; handling is idempotent
            log.debug("message not acknowledged", subject=raw.subject, error=str(error))

    async def _hold(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            for raw in tuple(self._held.values()):
                await self._answer(raw, Msg.Ack.Progress)

    async def _give_back(self) -> None:
        """What was taken and not finished goes to another worker at once."""
        for raw in self._held.values():
            if not self._session.client.is_connected:
                return
            await self._answer(raw, Msg.Ack.Nak)


def _delay(attempts: int) -> float:
    return _NAK_SECONDS[min(attempts, len(_NAK_SECONDS)) - 1]


def _again(seconds: float) -> bytes:
    return Msg.Ack.Nak + b' {"delay": %d}' % int(seconds * 1e9)
