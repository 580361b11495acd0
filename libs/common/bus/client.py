"""The bus as services use it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import nats.errors
import structlog
from nats.js.api import RawStreamMsg

from libs.common.bus import codec, delivery, following, streams
from libs.common.bus.delivery import Delivery, StreamInfo
from libs.common.bus.errors import Unavailable
from libs.common.bus.events import Events
from libs.common.bus.exchange import Exchange
from libs.common.bus.following import Decode, Follower
from libs.common.bus.session import Session, session
from libs.common.bus.working import Handle, Workers
from libs.common.names import decode_token, encode_token
from libs.common.subjects import WORKS, Subjects

log = structlog.get_logger()

_RETRY_SECONDS: Final = 0.5


class Bus(Exchange, Events):
    """Streams, events and requests under one subject prefix. Made by `connect`."""

    def __init__(self, made: Session, subjects: Subjects) -> None:
        super().__init__(made, subjects)
        self._keeps_streams = False
        self._restored_now = asyncio.Event()
        self._restored_now.set()
        self._agents: set[str] = set()

    # ---- streams -----------------------------------------------------------------------------------------------------

    async def ensure_streams(self) -> None:
        """Makes the streams, and from now on makes them again whenever the server came back without them."""
        self._keeps_streams = True
        try:
            await streams.ensure(self._session.js, self.subjects)
        except nats.errors.Error as error:
            raise Unavailable(f"the streams could not be made: {error}") from error

    async def create_agent_consumer(self, cluster: str) -> None:
        """The consumer of one agent on WORKS, and again whenever the server came back without it."""
        self._agents.add(cluster)
        config = following.reader_config(agent_consumer(cluster), [self.subjects.works_of(cluster)])
        await self._call(following.have_consumer(self._session, self._stream(WORKS), config))

    async def delete_agent_consumer(self, cluster: str) -> None:
        """Takes an agent's consumer away; one that does not exist is fine."""
        self._agents.discard(cluster)
        try:
            await self._session.js.delete_consumer(self._stream(WORKS), agent_consumer(cluster))
        except nats.errors.Error as error:
            if not streams.is_missing(error):
                raise Unavailable(str(error)) from error

    async def agent_consumers(self) -> list[str]:
        """The clusters whose agents have consumers on WORKS."""
        names = await self._call(following.consumer_names(self._session, self._stream(WORKS)))
        return [decode_token(n.removeprefix(_AGENT)) for n in names if n.startswith(_AGENT)]

    async def stream_info(self, stream: str) -> StreamInfo:
        """The stream's life and extent. Raises Unavailable if it does not exist or nobody answers."""
        return await self._call(following.stream_info(self._session, self._stream(stream)))

    async def purge(self, stream: str, subject: str, *, up_to_seq: int) -> None:
        """Removes the messages that have at most this sequence; newer ones stay.

        Args:
            subject: of which subject, perhaps with wildcards; empty: of all.
        """
        await self._call(self._session.js.purge_stream(self._stream(stream), seq=up_to_seq + 1, subject=subject))

    async def last(self, stream: str, subject: str, type_: type[Any]) -> Delivery[Any] | None:
        """The last message on a subject, or None. Raises codec.Undecodable, Unavailable."""
        found = await self._last(stream, subject)
        if found is None:
            return None
        headers = found.headers or {}
        message = codec.decode(found.data or b"", headers, type_)
        return delivery.made(found.subject or subject, message, headers, seq=found.seq or 0)

    async def last_seq(self, stream: str, subject: str) -> int | None:
        """The sequence of the last message on a subject, or None if there is none. Raises Unavailable."""
        found = await self._last(stream, subject)
        return found.seq if found is not None else None

    async def _last(self, stream: str, subject: str) -> RawStreamMsg | None:
        try:
            return await self._session.js.get_last_msg(self._stream(stream), subject, direct=True)
        except nats.js.errors.NotFoundError:
            return None
        except nats.errors.Error as error:
            raise Unavailable(f"{subject} cannot be read: {error}") from error

    async def first_seq(self, stream: str, subject: str) -> int | None:
        """The sequence of the oldest message on a subject, or None if there is none. Raises Unavailable."""
        try:
            found = await self._session.js.get_msg(self._stream(stream), seq=1, subject=subject, next=True)
        except nats.js.errors.NotFoundError:
            return None
        except nats.errors.Error as error:
            raise Unavailable(f"{subject} cannot be read: {error}") from error
        return found.seq

    # ---- publishing --------------------------------------------------------------------------------------------------

    async def publish(
        self,
        subject: str,
        message: Any,
        *,
        expected_seq: int | None = None,
        traceparent: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Stores a message in the stream that has its subject; answers its sequence.

        Any number of callers may publish at once.

        Args:
            expected_seq: the sequence that the last message on the subject must have; 0: there must be none.

        Raises:
            Overtaken: the last message is another one.
            Unavailable: not confirmed; the message may still be stored later.
            TooLarge: the server would never take it.
        """
        payload, all_headers = await self._packed(message, traceparent, headers or {})
        return await self._publisher.send(subject, payload, all_headers, expected_seq)

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def follow(
        self,
        stream: str,
        filters: Sequence[str],
        *,
        consumer: str,
        decode: Decode,
        on_message: Callable[[Delivery[Any]], None],
        on_replay: Callable[[], None],
        caught_up: asyncio.Event,
        create: bool = True,
    ) -> None:
        """Reads the state of some subjects for ever, from the first message, in the stream's order.

        It begins again when the stream is new, when it was put back to an earlier copy, and when the server is another
        process than before. After a mere cut of the connection it goes on where it stood.

        Args:
            consumer: with `create` the first part of the name of a consumer for this call alone, which goes with it;
                else the whole name of one that exists, which no other reader may use at the same time.
            decode: from subject to message type; None skips the message.
            on_message: sync and quick. What it raises is logged and the message kept aside.
            on_replay: called before each beginning; the reader forgets its state.
            caught_up: set when all that the stream had at the beginning is delivered; clear before.
            create: makes the consumer; else waits until the hub's side has made it.

        Raises:
            Closed: the connection is gone for good.
        """
        caught_up.clear()
        follower = Follower(
            self._session,
            self._dead,
            stream=self._stream(stream),
            filters=filters,
            consumer=consumer,
            decode=decode,
            on_message=on_message,
            on_replay=on_replay,
            caught_up=caught_up,
            create=create,
        )
        await follower.run()

    async def work_queue(
        self,
        stream: str,
        filters: Sequence[str],
        *,
        consumer: str,
        decode: Decode,
        handle: Handle,
        workers: int = 16,
    ) -> None:
        """Handles messages for ever, each by one of all processes that name this consumer.

        A message is acknowledged after `handle` returned, and delivered again with growing delay after it raised.

        Args:
            workers: messages handled at a time by this process.

        Raises:
            Closed: the connection is gone for good.
        """
        work = Workers(
            self._session,
            self._dead,
            stream=self._stream(stream),
            filters=filters,
            consumer=consumer,
            decode=decode,
            handle=handle,
            workers=workers,
        )
        await work.run()

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        await self._publisher.start()
        return [
            tasks.create_task(self._session.until_closed(), name="bus connection"),
            tasks.create_task(self._dead.run(), name="bus dead letters"),
            tasks.create_task(self._keep_streams(), name="bus streams"),
        ]

    def is_ready(self) -> bool:
        """Whether messages can be sent now."""
        return super().is_ready() and self._restored_now.is_set()

    async def ready(self) -> None:
        """Waits also for the streams, which this process makes again: a stream in the making loses messages."""
        while not self.is_ready():
            await super().ready()
            await self._restored_now.wait()

    def _cut(self) -> None:
        self._publisher.cut()
        if self._keeps_streams:
            self._restored_now.clear()

    async def _keep_streams(self) -> None:
        """After each reconnect: the server may have come back without its streams and consumers."""
        lives = self._session.lives
        cut = asyncio.Event()
        with self._session.on_cut(cut.set), self._session.on_cut(self._cut):
            while True:
                await cut.wait()
                cut.clear()
                await self._session.up()
                while lives != self._session.lives:
                    lives = await self._restored(lives)
                self._restored_now.set()

    async def _restored(self, lives: int) -> int:
        """Answers the life of the session that now has its streams; on failure, the one before."""
        now = self._session.lives
        try:
            if self._keeps_streams:
                await streams.ensure(self._session.js, self.subjects)
            for cluster in tuple(self._agents):
                await self.create_agent_consumer(cluster)
        except (nats.errors.Error, Unavailable) as error:
            log.warning("streams could not be made after a reconnect, will be tried again", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            return lives
        return now


_AGENT = "agent-"


def agent_consumer(cluster: str) -> str:
    """The name of an agent's consumer on WORKS."""
    return _AGENT + encode_token(cluster)


@asynccontextmanager
async def connect(
    url: str,
    *,
    name: str,
    prefix: str = "argosy",
    credentials: str = "",
    wait: timedelta = timedelta(seconds=30),
    on_state: Callable[[bool], None] = lambda _: None,
) -> AsyncIterator[Bus]:
    """A bus for the time of the block.

    Args:
        url: one server, or several separated by commas.
        name: the service, shown in the server's monitoring.
        prefix: begins all subjects.
        credentials: path of a `.creds` file; empty for none.
        wait: how long a server may take to answer.
        on_state: told whether the connection stands, whenever that changes: for a service's readiness.

    Raises:
        Unavailable: no server answered in time, or it has no JetStream.
        Closed: the connection was ended for good while the block ran.
    """
    async with session(url, name=name, credentials=credentials, wait=wait, on_state=on_state) as made:
        bus = Bus(made, Subjects(prefix))
        try:
            async with asyncio.TaskGroup() as tasks:
                background = await bus._start(tasks)
                try:
                    yield bus
                finally:
                    bus._publisher.close()
                    for task in background:
                        task.cancel()
        except BaseExceptionGroup as group:
            # one failure is told as itself, not wrapped
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise
