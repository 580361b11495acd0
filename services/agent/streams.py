"""Which life of each stream this is: asked once for all agents of a process."""

import asyncio
from datetime import timedelta
from typing import Final

from libs.common.bus import Bus, StreamInfo

_FRESH: Final = timedelta(seconds=1)


class Streams:
    """What the bus says of its streams, at most a second old."""

    def __init__(self, connection: Bus) -> None:
        self._bus = connection
        self._asking = asyncio.Lock()
        self._known: dict[str, tuple[float, StreamInfo]] = {}

    async def info(self, stream: str) -> StreamInfo:
        """Raises BusError."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            known = self._known.get(stream)
            if known is not None and now - known[0] < _FRESH.total_seconds():
                return known[1]
            found = await self._bus.stream_info(stream)
            self._known[stream] = (now, found)
            return found
