"""The cluster table as this process knows it: no decision reads Redis."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from libs.common.capacity import ClusterTable
from libs.common.messages import ClusterEntry
from services.scheduler import metrics


class Mirror:
    """The last copy of the cluster table, or the knowledge that nothing is known.

    Args:
        on_known: told whether the table is known, whenever that is heard.
    """

    def __init__(self, table: ClusterTable, on_known: Callable[[bool], None]) -> None:
        self._table = table
        self._on_known = on_known
        self._clusters: tuple[ClusterEntry, ...] | None = None
        self._moved = asyncio.Event()
        self._given_up = 0
        """A resourceVersion that was waited for in vain: while the table stands still nobody else waits for it."""

    async def follow(self) -> None:
        """Keeps the copy fresh, for ever."""
        await self._table.follow(self._changed, self._unknown)

    def snapshot(self) -> tuple[ClusterEntry, ...] | None:
        """All clusters; None while the table is unknown, which is not the same as empty."""
        return self._clusters

    @property
    def hub_revision(self) -> int:
        """Up to which resourceVersion of the hub the copy shows every change of a Cluster."""
        return self._table.hub_revision

    async def reached(self, hub_revision: int, limit: timedelta) -> bool:
        """Waits until the table is known and reflects this resourceVersion of the hub; answers whether it does."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                while not self._has(hub_revision):
                    if self._clusters is not None and hub_revision <= self._given_up:
                        return False
                    await self._moved.wait()
        except TimeoutError:
            self._given_up = max(self._given_up, hub_revision)
        return self._has(hub_revision)

    def _has(self, hub_revision: int) -> bool:
        return self._clusters is not None and self.hub_revision >= hub_revision

    def _changed(self, entries: dict[str, ClusterEntry]) -> None:
        self._clusters = tuple(entries.values())
        self._given_up = 0
        metrics.CLUSTERS.set(len(entries))
        self._on_known(True)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _unknown(self) -> None:
        self._clusters = None
        metrics.CLUSTERS.set(-1)
        self._on_known(False)
