"""Time that no setting of the machine's clock moves: health is judged by how long something has lasted."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment() -> datetime:
    """Now, for this process alone: only the distance to other moments means anything."""
    return _BEGIN + timedelta(seconds=asyncio.get_running_loop().time())


def written() -> str:
    """Now as it stands in objects of the hub, by the machine's clock (RFC 3339)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
