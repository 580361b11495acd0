"""What the stream STATUS has acknowledged: if it has that no more, it was put back to an earlier copy."""

import asyncio
from datetime import timedelta
from typing import Final

from libs.common.bus import Bus
from libs.common.subjects import STATUS

_AGAIN: Final = timedelta(seconds=30)
"""How often the stream is asked though the connection has stood: a copy can be put back under a running server."""


class Receipts:
    """Of one agent. What came last is the first to be lost, so that it alone need be looked for.

    The stream's own sequence says less: others write too, and soon it is as high as before.
    """

    def __init__(self, connection: Bus) -> None:
        self._bus = connection
        self._last: tuple[str, int] | None = None
        self._looked: tuple[int, float] | None = None
        """In which life of the connection, and when."""

    def took(self, subject: str, seq: int) -> None:
        """A message was stored."""
        self._last = (subject, seq)

    def drop(self, subject: str) -> None:
        """Nobody may expect a message on that subject any more."""
        if self._last is not None and self._last[0] == subject:
            self._last = None

    async def hold(self) -> bool:
        """Whether the stream still has what it acknowledged, as far as that is looked at now. Raises BusError."""
        now, life = asyncio.get_running_loop().time(), self._bus.lives
        if self._looked is not None and self._looked[0] == life and now - self._looked[1] < _AGAIN.total_seconds():
            return True
        last = self._last
        found = await self._bus.last_seq(STATUS, last[0]) if last is not None else None
        self._looked = (life, now)
        if last is None or self._last != last or (found or 0) >= last[1]:
            return True
        self._last = None
        return False
