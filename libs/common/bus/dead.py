"""Messages that nobody can use are kept aside, with the reason, and stop nobody."""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

import structlog

from libs.common.bus import metrics
from libs.common.bus.errors import TooLarge, Unavailable
from libs.common.bus.publishing import Publisher
from libs.common.subjects import Subjects

log = structlog.get_logger()

REASON: Final = "Argosy-Reason"
SEQUENCE: Final = "Argosy-Sequence"
_WAITING: Final = 1000
_REASON_LENGTH: Final = 1024


class _Letter(NamedTuple):
    subject: str
    payload: bytes
    headers: dict[str, str]


class DeadLetters:
    """Takes unusable messages from any reader, without waiting, and publishes them to the stream DEAD."""

    def __init__(self, publisher: Publisher, subjects: Subjects) -> None:
        self._publisher = publisher
        self._subjects = subjects
        self._waiting: asyncio.Queue[_Letter] = asyncio.Queue(_WAITING)

    def put(self, subject: str, payload: bytes, headers: Mapping[str, str], seq: int, reason: str) -> None:
        """Logs, counts and keeps a message; the payload stays as it came."""
        metrics.DEAD_LETTERS.labels(_kind(self._subjects, subject)).inc()
        log.warning("message kept aside", subject=subject, seq=seq, reason=reason)
        about = {REASON: reason[:_REASON_LENGTH], SEQUENCE: str(seq)}
        kept = {k: v for k, v in headers.items() if not k.startswith("Nats-")}
        try:
            self._waiting.put_nowait(_Letter(self._subjects.dead(subject), payload, {**kept, **about}))
        except asyncio.QueueFull:
            log.error("message dropped: too many wait to be kept aside", subject=subject, seq=seq)

    async def run(self) -> None:
        """Publishes what was put, for ever."""
        while True:
            letter = await self._waiting.get()
            try:
                await self._publisher.send(letter.subject, letter.payload, letter.headers)
            except (TooLarge, Unavailable) as error:
                log.error("message could not be kept aside", subject=letter.subject, error=str(error))


def _kind(subjects: Subjects, subject: str) -> str:
    try:
        return subjects.kind(subject)
    except ValueError:
        return "foreign"
