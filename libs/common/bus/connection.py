"""What all parts of the bus share: the session, the way out, and the packing of messages."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar

import nats.errors

from libs.common.bus import codec, streams
from libs.common.bus.dead import DeadLetters
from libs.common.bus.delivery import TRACEPARENT
from libs.common.bus.errors import Unavailable
from libs.common.bus.publishing import Publisher
from libs.common.bus.session import Session
from libs.common.subjects import Subjects

R = TypeVar("R")

_COMPRESS_IN_THREAD: Final = 256 * 1024
"""Compression of more bytes than this would hold up everybody else."""


class Connection:
    """One session under one subject prefix."""

    def __init__(self, made: Session, subjects: Subjects) -> None:
        self.subjects = subjects
        self._session = made
        self._publisher = Publisher(made, self)
        self._dead = DeadLetters(self._publisher, subjects)

    def is_ready(self) -> bool:
        """Whether messages can be sent now."""
        return self._session.is_up

    async def ready(self) -> None:
        """Waits until messages can be sent."""
        await self._session.up()

    @property
    def lives(self) -> int:
        """How often the connection was made: what was stored before may be gone after each time."""
        return self._session.lives

    def _stream(self, stream: str) -> str:
        return streams.stream_name(self.subjects.prefix, stream)

    async def _packed(self, message: Any, traceparent: str, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        payload = codec.encode(message)
        packed = dict(headers)
        if traceparent:
            packed[TRACEPARENT] = traceparent
        if len(payload) > codec.COMPRESS_ABOVE:
            if len(payload) > _COMPRESS_IN_THREAD:
                payload = await asyncio.to_thread(codec.compress, payload)
            else:
                payload = codec.compress(payload)
            packed[codec.ENCODING] = codec.ZSTD
        return payload, packed

    async def _packed_whole(
        self, subject: str, message: Any, traceparent: str = ""
    ) -> tuple[bytes, dict[str, str] | None]:
        """For core NATS: the size is checked here, and no headers are None."""
        payload, headers = await self._packed(message, traceparent, {})
        codec.check_size(subject, payload, headers, self._session.client.max_payload)
        return payload, headers or None

    async def _call(self, call: Awaitable[R]) -> R:
        try:
            return await call
        except nats.errors.Error as error:
            raise Unavailable(str(error) or type(error).__name__) from error
