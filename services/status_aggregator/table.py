"""The rows of the cluster table in Redis, kept equal to the hub and to what agents report."""

import asyncio

from libs.common import capacity, reconcile
from libs.common.api.cluster import Cluster
from libs.common.messages import CapacityReport, ClusterEntry
from services.status_aggregator.core import capacity as rows
from services.status_aggregator.hub import Hub


class Table:
    """Writes a row whenever its Cluster or its capacity changes, and the whole table when Redis was wiped."""

    def __init__(self, hub: Hub, redis: capacity.ClusterTable, *, hub_uid: str) -> None:
        self.reports: dict[str, CapacityReport] = {}
        """The last report of each cluster, whatever it speaks of."""
        self._hub = hub
        self._redis = redis
        self._hub_uid = hub_uid
        self._queue: reconcile.Queue[str] = reconcile.Queue()
        self._written: dict[str, ClusterEntry] = {}
        self._gone: dict[str, Cluster] = {}
        hub.listen(on_cluster=self._on_cluster)

    async def run(self) -> None:
        """Writes for ever. While Redis is away rows wait; nothing else does."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._redis.watch_epoch(self._fill), name="cluster table epoch")
            tasks.create_task(reconcile.run(self._queue, self._handle, name="cluster-table"), name="cluster table")

    def changed(self, name: str) -> None:
        """Says that there is a new report of a cluster."""
        self._queue.add(name)

    def report(self, cluster: Cluster) -> CapacityReport | None:
        """The last report of this very cluster."""
        report = self.reports.get(cluster.metadata.name)
        return report if report is not None and rows.is_of(report, cluster, self._hub_uid) else None

    def _on_cluster(self, name: str, old: Cluster | None, new: Cluster | None) -> None:
        if new is None and old is not None:
            self._gone[name] = old
        self._queue.add(name)

    async def _handle(self, name: str) -> reconcile.Outcome:
        cluster = self._hub.cluster(name)
        gone = self._gone.get(name)
        if gone is not None and (cluster is None or cluster.metadata.uid != gone.metadata.uid):
            await self._redis.remove(name, gone.metadata.uid)
            self._gone.pop(name, None)
            self._written.pop(name, None)
        if cluster is None:
            self.reports.pop(name, None)
            return reconcile.DONE
        entry = rows.entry(cluster, self.report(cluster))
        if entry != self._written.get(name):
            await self._redis.put(entry)
            self._written[name] = entry
        return reconcile.DONE

    async def _fill(self) -> None:
        entries = [rows.entry(cluster, self.report(cluster)) for cluster in self._hub.clusters()]
        await self._redis.fill(entries)
        self._written = {entry.name: entry for entry in entries}
