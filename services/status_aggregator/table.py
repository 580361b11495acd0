"""The rows of the cluster table in Redis, kept equal to the hub and to what agents report."""

import asyncio
from datetime import timedelta
from typing import Final

from libs.common import capacity, reconcile
from libs.common.api.cluster import Cluster
from libs.common.kube.resources import version_number
from libs.common.messages import CapacityReport, ClusterEntry
from services.status_aggregator.core import capacity as rows
from services.status_aggregator.hub import Hub

_TABLE: Final = "table"
"""The one key: a write has all that changed since the last."""
_BEHIND: Final = reconcile.After(timedelta(milliseconds=20))
"""Until it is looked again how far the watch has come, after a write of our own that ran ahead of it."""


class Table:
    """Writes the rows of changed Clusters and capacities, in order, and the whole table when Redis has lost it."""

    def __init__(self, hub: Hub, redis: capacity.ClusterTable, *, hub_uid: str) -> None:
        self.reports: dict[str, CapacityReport] = {}
        """The last report of each cluster, whatever it speaks of."""
        self._hub = hub
        self._redis = redis
        self._hub_uid = hub_uid
        self._queue: reconcile.Queue[str] = reconcile.Queue()
        self._changed: set[str] = set()
        self._written: dict[str, ClusterEntry] | None = None
        """The rows that stand in Redis; None while that is not known."""
        self._told = 0
        hub.listen(on_cluster=self._on_cluster)

    async def run(self) -> None:
        """Writes for ever. While Redis is away rows wait; nothing else does."""
        self._lost()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._redis.watch_epoch(self._lost), name="cluster table epoch")
            tasks.create_task(
                reconcile.run(self._queue, self._write, name="cluster-table", workers=1), name="cluster table"
            )

    def changed(self, name: str) -> None:
        """Says that there is a new report of a cluster."""
        self._changed.add(name)
        self._queue.add(_TABLE)

    def report(self, cluster: Cluster) -> CapacityReport | None:
        """The last report of this very cluster."""
        report = self.reports.get(cluster.metadata.name)
        return report if report is not None and rows.is_of(report, cluster, self._hub_uid) else None

    def _on_cluster(self, name: str, _: Cluster | None, new: Cluster | None) -> None:
        if new is None:
            self.reports.pop(name, None)
        self.changed(name)

    def _lost(self) -> None:
        self._written = None
        self._queue.add(_TABLE)

    async def _write(self, _: str) -> reconcile.Outcome:
        reached = self._hub.clusters_reached() or self._told
        if self._written is None:
            await self._fill(reached)
        else:
            await self._update(self._written, reached)
        self._told = reached
        ahead = max((version_number(row.resource_version) for row in (self._written or {}).values()), default=0)
        return _BEHIND if ahead > reached else reconcile.DONE

    async def _update(self, written: dict[str, ClusterEntry], reached: int) -> None:
        names, self._changed = self._changed, set()
        now = {name: self._row(name) for name in names}
        changed = {name: row for name, row in now.items() if row is not None and row != written.get(name)}
        removed = [name for name, row in now.items() if row is None and name in written]
        if not changed and not removed and reached == self._told:
            return
        try:
            await self._redis.write(changed.values(), removed=removed, hub_revision=reached)
        except BaseException:
            self._changed |= names
            raise
        written.update(changed)
        for name in removed:
            del written[name]

    async def _fill(self, reached: int) -> None:
        self._changed.clear()
        entries = {c.metadata.name: rows.entry(c, self.report(c)) for c in self._hub.clusters()}
        await self._redis.fill(entries.values(), hub_revision=reached)
        self._written = entries

    def _row(self, name: str) -> ClusterEntry | None:
        cluster = self._hub.cluster(name)
        return rows.entry(cluster, self.report(cluster)) if cluster is not None else None
