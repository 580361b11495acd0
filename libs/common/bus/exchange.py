"""Core NATS: messages that are not stored, requests and answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from nats.aio.msg import Msg

from libs.common import cancellation
from libs.common.bus import codec, delivery
from libs.common.bus.connection import Connection
from libs.common.bus.delivery import Delivery
from libs.common.bus.errors import Unavailable

log = structlog.get_logger()

R = TypeVar("R")


class Exchange(Connection):
    """What the bus can do without streams."""

    async def publish_core(self, subject: str, message: Any, *, traceparent: str = "") -> None:
        """Sends to whoever listens now; nobody confirms. Raises Unavailable while there is no connection."""
        payload, headers = await self._packed_whole(subject, message, traceparent)
        await self._call(self._session.client.publish(subject, payload, headers=headers))

    @asynccontextmanager
    async def subscribe_core(
        self, subject_filter: str, type_: type[Any], callback: Callable[[Delivery[Any]], None]
    ) -> AsyncIterator[None]:
        """Calls `callback` (sync, quick) with each message for the time of the block. Undecodable ones are counted."""

        def received(raw: Msg) -> None:
            headers = raw.headers or {}
            try:
                message = codec.decode(raw.data, headers, type_)
            except codec.Undecodable as error:
                self._dead.put(raw.subject, raw.data, headers, 0, str(error))
                return
            callback(delivery.made(raw.subject, message, headers, reply=raw.reply))

        subscription = await self._session.client.listen(subject_filter, received)
        try:
            yield
        finally:
            if not self._session.client.is_closed:
                await subscription.unsubscribe()

    async def request(self, subject: str, message: Any, reply_type: type[R], *, timeout: timedelta) -> R:
        """Asks on core NATS and waits for one answer. Raises Unavailable if none comes, or none that can be read."""
        payload, headers = await self._packed_whole(subject, message)
        answer = await self._call(
            self._session.client.request(subject, payload, timeout=timeout.total_seconds(), headers=headers)
        )
        try:
            decoded: R = codec.decode(answer.data, answer.headers or {}, reply_type)
        except codec.Undecodable as error:
            raise Unavailable(f"{subject} was answered with {error}") from error
        return decoded

    async def serve(
        self, subject: str, type_: type[Any], handler: Callable[[Delivery[Any]], Awaitable[Any]], *, workers: int = 16
    ) -> None:
        """Answers requests for ever, up to `workers` at a time. One that fails stays unanswered."""
        waiting: asyncio.Queue[Delivery[Any]] = asyncio.Queue(workers * 16)

        def take(delivery: Delivery[Any]) -> None:
            try:
                waiting.put_nowait(delivery)
            except asyncio.QueueFull:
                log.warning("request dropped: too many wait", subject=subject)

        async def work() -> None:
            while True:
                delivery = await waiting.get()
                try:
                    answer = await handler(delivery)
                    payload, headers = await self._packed_whole(delivery.reply, answer)
                    await self._session.client.publish(delivery.reply, payload, headers=headers)
                except (Exception, asyncio.CancelledError) as error:
                    if isinstance(error, asyncio.CancelledError) and cancellation.is_asked():
                        raise
                    log.exception("request not answered", subject=subject)

        async with self.subscribe_core(subject, type_, take), asyncio.TaskGroup() as tasks:
            for number in range(workers):
                tasks.create_task(work(), name=f"{subject} {number}")

    async def round_trip(self, *, timeout: timedelta = timedelta(seconds=2)) -> timedelta:
        """How long the server takes to answer: proof that the bus itself is good. Raises Unavailable."""
        began = asyncio.get_running_loop().time()
        await self._call(self._session.client.flush(timeout=timeout.total_seconds()))
        return timedelta(seconds=asyncio.get_running_loop().time() - began)
