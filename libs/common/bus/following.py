"""State readers: the whole of some subjects from the first message on, again when something may have been missed."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy

from libs.common.bus import codec, delivery, metrics, streams
from libs.common.bus.dead import DeadLetters
from libs.common.bus.delivery import Delivery, StreamInfo
from libs.common.bus.pull import HANDED_ON, STANDING, Pull, place, pulling
from libs.common.bus.session import Session

log = structlog.get_logger()

_BATCH: Final = 500
_IDLE: Final = timedelta(minutes=5)
_RETRY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_CATCHING_UP_SECONDS: Final = 0.25
"""How often a replay asks whether anything is left: its last message may have been purged before it came."""
_WATCH_SECONDS: Final = 3.0
_CONFIG_DIFFERS: Final = (10012, 10148)

Decode = Callable[[str], type[Any] | None]


def reader_config(name: str, filters: Sequence[str], *, idle: timedelta | None = None) -> ConsumerConfig:
    """A consumer for one state reader. Nothing is acknowledged: after a cut the reader itself says where to go on.

    Args:
        idle: after so long without a reader the server drops the consumer, which it keeps in memory only; None keeps
            it for ever, and over a restart of the server.
    """
    return ConsumerConfig(
        inactive_threshold=idle.total_seconds() if idle else None,
        name=name,
        durable_name=name,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.NONE,
        mem_storage=idle is not None,
        **streams.filtered(filters),
    )


async def stream_info(session: Session, stream: str) -> StreamInfo:
    """The stream's life and extent. Raises the client's NotFoundError if it does not exist."""
    answer = await session.js._api_request(f"$JS.API.STREAM.INFO.{stream}", timeout=5)
    state = answer["state"]
    return StreamInfo(
        created=answer["created"],
        first_seq=state["first_seq"],
        last_seq=state["last_seq"],
        messages=state["messages"],
    )


class Follower:
    """Reads one consumer for ever and keeps its reader's state equal to the stream's."""

    def __init__(
        self,
        session: Session,
        dead: DeadLetters,
        *,
        stream: str,
        filters: Sequence[str],
        consumer: str,
        decode: Decode,
        on_message: Callable[[Delivery[Any]], None],
        on_replay: Callable[[], None],
        caught_up: asyncio.Event,
        create: bool,
    ) -> None:
        self._session = session
        self._dead = dead
        self._stream = stream
        self._filters = filters
        # a name for this life alone: a reader that was stopped and woke up again must not take what is its successor's
        self._consumer = f"{consumer}-{uuid.uuid4().hex[:8]}" if create else consumer
        self._reader = consumer
        self._decode = decode
        self._on_message = on_message
        self._on_replay = on_replay
        self._caught_up = caught_up
        self._create = create
        self._life = ("", "")
        """Creation of the stream and identity of the server that `_seen` speaks of."""
        self._seen = 0
        self._expected = 1
        self._target = 0

    async def run(self) -> None:
        try:
            await self._run()
        finally:
            if self._create:
                await self._drop_consumer()

    async def _run(self) -> None:
        attempt = 0
        while True:
            await self._session.up()
            try:
                await self._read()
                attempt = 0
            except nats.errors.Error as error:
                attempt += 1
                if attempt == len(_RETRY_SECONDS):
                    log.warning(
                        "stream cannot be followed", stream=self._stream, consumer=self._consumer, error=str(error)
                    )
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])

    async def _read(self) -> None:
        """From the reset to the end of one pull."""
        info = await stream_info(self._session, self._stream)
        await self._have_consumer()
        life = (info.created, self._session.server_id)
        if self._life != life or info.last_seq < self._seen:
            self._begin_again(life, info)
        reset = await self._session.js.reset_consumer(self._stream, self._consumer, self._seen + 1)
        self._expected = 1
        if not reset.info.num_pending:
            self._caught_up.set()
        async with pulling(
            self._session,
            self._stream,
            self._consumer,
            self._receive,
            batch=_BATCH,
            on_idle=self._check_complete,
            rhythm=STANDING if self._create else HANDED_ON,
        ) as pull:
            self._pull = pull
            await self._watch(pull)
        log.debug("pull ended", stream=self._stream, consumer=self._consumer, why=pull.why)

    def _begin_again(self, life: tuple[str, str], info: StreamInfo) -> None:
        self._caught_up.clear()
        self._life, self._seen, self._target = life, 0, info.last_seq
        metrics.REPLAYS.labels(self._reader).inc()
        self._on_replay()

    async def _have_consumer(self) -> None:
        if not self._create:
            await self._session.js.consumer_info(self._stream, self._consumer)
            return
        config = reader_config(self._consumer, self._filters, idle=_IDLE)
        await have_consumer(self._session, self._stream, config)

    async def _drop_consumer(self) -> None:
        """Tidies up; what cannot be deleted now, the server drops when it has been idle."""
        if not self._session.client.is_connected:
            return
        subject = f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}"
        try:
            await self._session.client.publish(subject)
        except nats.errors.Error as error:
            log.debug("consumer not deleted", consumer=self._consumer, error=str(error))

    async def _watch(self, pull: Pull) -> None:
        """Until the pull ends; in between it asks whether the replay is through, and whether the server still lives."""
        while not pull.ended.is_set():
            pause = _WATCH_SECONDS if self._caught_up.is_set() else _CATCHING_UP_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await pull.ended.wait()
            except TimeoutError:
                await self._check_alive(pull)
            if not self._caught_up.is_set() and not pull.ended.is_set():
                info: ConsumerInfo = await self._session.js.consumer_info(self._stream, self._consumer)
                delivered = info.delivered.consumer_seq if info.delivered else 0
                if not info.num_pending and delivered < self._expected:
                    self._caught_up.set()

    async def _check_alive(self, pull: Pull) -> None:
        """A pull that met a consumer in its last moment is lost without a word: the server is asked what it knows."""
        pull.check_alive()
        if pull.overdue and not pull.ended.is_set():
            info: ConsumerInfo = await self._session.js.consumer_info(self._stream, self._consumer)
            if not info.num_waiting:
                pull.end("the server knows of no pull")

    def _receive(self, raw: Msg) -> None:
        at = place(raw.reply)
        if at.consumer_seq != self._expected:
            # deliveries were lost, or another reader uses this consumer too: take it back from where we stand
            self._pull.end(f"delivery {at.consumer_seq} came instead of {self._expected}")
            return
        self._expected += 1
        metrics.MESSAGES.received[self._reader] += 1
        self._hand_over(raw, at.stream_seq)
        self._seen = at.stream_seq
        if not self._caught_up.is_set() and (at.stream_seq >= self._target or not at.pending):
            self._caught_up.set()

    def _check_complete(self, delivered: int) -> None:
        """Another reader on this consumer may have taken what was ours, the last messages too."""
        if delivered >= 0 and delivered != self._expected - 1:
            self._pull.end(f"the consumer has made {delivered} deliveries and {self._expected - 1} came here")

    def _hand_over(self, raw: Msg, seq: int) -> None:
        headers = raw.headers or {}
        try:
            type_ = self._decode(raw.subject)
            if type_ is None:
                return
            message = codec.decode(raw.data, headers, type_)
        except (codec.Undecodable, ValueError) as error:
            self._dead.put(raw.subject, raw.data, headers, seq, str(error))
            return
        taken = delivery.made(raw.subject, message, headers, seq=seq)
        try:
            self._on_message(taken)
        except Exception as error:
            log.exception("message could not be taken in", subject=raw.subject, seq=seq)
            self._dead.put(raw.subject, raw.data, headers, seq, f"{type(error).__name__}: {error}")


async def consumer_names(session: Session, stream: str) -> list[str]:
    """All consumers of a stream; the server tells them page by page."""
    names: list[str] = []
    while page := await session.js.consumers_info(stream, offset=len(names)):
        names += [consumer.name for consumer in page]
    return names


async def have_consumer(session: Session, stream: str, config: ConsumerConfig) -> None:
    """Makes a consumer, or brings it to this configuration; where that cannot be changed it is made anew."""
    try:
        await session.js.add_consumer(stream, config)
    except nats.js.errors.APIError as error:
        if error.err_code not in _CONFIG_DIFFERS:
            raise
        assert config.name
        await session.js.delete_consumer(stream, config.name)
        await session.js.add_consumer(stream, config)
