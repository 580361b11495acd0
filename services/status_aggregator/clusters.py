"""From what agents report of their members to the status and taints of Clusters on the hub."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from libs.common import reconcile
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster, ClusterStatus
from libs.common.api.meta import Condition
from libs.common.api.work import ObjectReference
from libs.common.bus import Delivery
from libs.common.difference import merge_patch
from libs.common.kube import errors
from libs.common.kube.events import Recorder
from libs.common.messages import Beat, CapacityReport, Order
from libs.common.subjects import Subjects
from services.status_aggregator import clock, metrics
from services.status_aggregator.core import capacity, conditions, freshness
from services.status_aggregator.hub import Hub
from services.status_aggregator.notices import Notices
from services.status_aggregator.settings import Settings
from services.status_aggregator.table import Table

log = structlog.get_logger(__name__)

_NOBODY: Final = conditions.Verdict()


class Signs:
    """Signs of life of one cluster's agent."""

    __slots__ = ("agent", "heard", "observed", "pace")

    def __init__(self, now: datetime) -> None:
        self.heard = now
        """When the agent was last heard of, or when listening for it began."""
        self.agent = ""
        """Which life of the agent was heard of; empty before the first sign."""
        self.observed: conditions.Observed | None = None
        self.pace = freshness.Pace()


class Clusters:
    """Judges clusters, and writes what has changed: a status at most once a second per cluster."""

    def __init__(
        self,
        hub: Hub,
        table: Table,
        recorder: Recorder,
        notices: Notices,
        settings: Settings,
        *,
        subjects: Subjects,
        hub_uid: str,
        is_live: Callable[[], bool],
    ) -> None:
        self._hub = hub
        self._table = table
        self._recorder = recorder
        self._notices = notices
        self._settings = settings
        self._thresholds = conditions.Thresholds(
            success=settings.cluster_success_threshold, failure=settings.cluster_failure_threshold
        )
        self._subjects = subjects
        self._hub_uid = hub_uid
        self._is_live = is_live
        self._queue: reconcile.Queue[str] = reconcile.Queue()
        self._signs: dict[str, Signs] = {}
        self._early: dict[str, tuple[str, str]] = {}
        """Uid and agent of clusters that were heard before the hub's watch has told of them: the bus may be faster."""
        self._verdict = _NOBODY
        hub.listen(on_cluster=self._on_cluster)

    async def run(self) -> None:
        """Judges and writes for ever."""
        await reconcile.run(self._queue, self._handle, name="clusters")

    # ---- what comes in -----------------------------------------------------------------------------------------------

    def on_report(self, delivery: Delivery[CapacityReport]) -> None:
        name, report = self._subjects.cluster(delivery.subject), delivery.message
        if report.cluster != name or not capacity.supersedes(report, self._table.reports.get(name)):
            return
        self._table.reports[name] = report
        self._table.changed(name)
        if self._is_live():
            self._heard(name, report.hub_uid, report.cluster_uid, report.agent)
        self._queue.add(name)

    def on_beat(self, delivery: Delivery[Beat]) -> None:
        beat = delivery.message
        if beat.cluster == self._subjects.cluster(delivery.subject):
            self._heard(beat.cluster, beat.hub_uid, beat.cluster_uid, beat.agent)

    def _heard(self, name: str, hub_uid: str, cluster_uid: str, agent: str) -> None:
        if hub_uid != self._hub_uid:
            return
        cluster = self._hub.cluster(name)
        if cluster is None or cluster_uid != cluster.metadata.uid:
            self._early[name] = (cluster_uid, agent)
            return
        signs = self._signs_of(name)
        news = signs.agent != agent or name in self._verdict.silent or name in self._verdict.doubtful
        signs.heard, signs.agent = clock.moment(), agent
        if news:
            self._queue.add(name)

    def _on_cluster(self, name: str, old: Cluster | None, new: Cluster | None) -> None:
        if new is None or (old is not None and old.metadata.uid != new.metadata.uid):
            self._signs.pop(name, None)
        if new is not None and name in self._early:
            self._heard(name, self._hub_uid, *self._early.pop(name))
        self._queue.add(name)

    # ---- silence -----------------------------------------------------------------------------------------------------

    def judge(self, bus_good_since: datetime | None) -> None:
        """Looks for clusters that have fallen silent. `bus_good_since`: None while the bus does not answer."""
        now = clock.moment()
        known = {c.metadata.name: c for c in self._hub.clusters() if c.metadata.deletion_timestamp is None}
        ready = {name: _ready_of(cluster) for name, cluster in known.items()}
        verdict = conditions.judge(
            {name: self._signs_of(name).heard for name in known},
            [name for name, condition in ready.items() if condition is not None and condition.status == "Unknown"],
            bus_good_since=bus_good_since,
            now=now,
            grace={name: self._grace(condition) for name, condition in ready.items()},
        )
        if verdict.frozen != self._verdict.frozen:
            if verdict.frozen:
                log.warning("health is not judged", why=verdict.frozen, clusters=sorted(verdict.doubtful))
            else:
                log.info("health is judged again")
        metrics.FROZEN.set(len(verdict.doubtful))
        before, self._verdict = self._verdict, verdict
        for name in (before.silent ^ verdict.silent) | (before.doubtful ^ verdict.doubtful):
            self._queue.add(name)

    def _grace(self, ready: Condition | None) -> timedelta:
        settings = self._settings
        return settings.cluster_startup_grace_period if ready is None else settings.cluster_monitor_grace_period

    # ---- what goes out -----------------------------------------------------------------------------------------------

    async def _handle(self, name: str) -> reconcile.Outcome:
        cluster = self._hub.cluster(name)
        if cluster is None or cluster.metadata.deletion_timestamp is not None:
            self._signs.pop(name, None)
            return reconcile.DONE
        now = clock.moment()
        ready, again = self._ready(cluster, now)
        pause = await self._write_status(cluster, ready)
        await self._write_taints(cluster)
        waits = [wait for wait in (pause, again - now if again is not None else None) if wait is not None]
        return reconcile.After(min(waits)) if waits else reconcile.DONE

    def _ready(self, cluster: Cluster, now: datetime) -> tuple[Condition | None, datetime | None]:
        """What Ready says now (None: nothing is known), and when it may say something else though nothing happens."""
        name, present = cluster.metadata.name, _ready_of(cluster)
        signs, report = self._signs_of(name), self._table.report(cluster)
        if name in self._verdict.doubtful:
            return present, None
        if name in self._verdict.silent and now - signs.heard > self._grace(present):
            unknown = conditions.silent(present)
            # what is heard after the silence has to last before it counts
            signs.observed = conditions.observe(signs.observed, unknown, now)
            return (present if present is not None and present.status == "Unknown" else unknown), None
        if report is not None and report.agent == signs.agent and report.ready != "Unknown":
            signs.observed = conditions.observe(signs.observed, conditions.reported(report), now)
        if signs.observed is None:
            return present, None
        at = conditions.flips_at(signs.observed, present, self._thresholds)
        return conditions.ready(signs.observed, present, self._thresholds, now), at if at and at > now else None

    async def _write_status(self, cluster: Cluster, ready: Condition | None) -> timedelta | None:
        """Writes the status if it differs; answers how long that has to wait."""
        name, present = cluster.metadata.name, cluster.status or ClusterStatus()
        frozen = self._verdict.frozen if name in self._verdict.doubtful else ""
        report = self._table.report(cluster)
        wanted = capacity.status(present, report, ready, frozen=frozen, now=clock.written())
        if wanted == present:
            return None
        signs, now = self._signs_of(name), asyncio.get_running_loop().time()
        signs.pace = freshness.notice(signs.pace, waiting=False, outcome=Order(), now=now)
        # facts come often, health changes seldom and matters at once
        turned = conditions.health(wanted.conditions) != conditions.health(present.conditions)
        at = freshness.due(signs.pace, settled=turned, patience=0.0)
        if at > now:
            return timedelta(seconds=at - now)
        change = merge_patch(msgspec.to_builtins(present), msgspec.to_builtins(wanted))
        body = {"metadata": {"uid": cluster.metadata.uid}, "status": change}
        now_ready = conditions.of_type(wanted.conditions, wellknown.CONDITION_READY)
        if await self._write(cluster, body, "status") and turned and now_ready is not None:
            self._notices.health(cluster, now_ready)
        signs.pace = freshness.wrote(signs.pace, settled=turned, now=now)
        return None

    async def _write_taints(self, cluster: Cluster) -> None:
        """Writes the taints that follow from the health that the hub shows."""
        newest = self._hub.cluster(cluster.metadata.name)
        if newest is None or newest.metadata.uid != cluster.metadata.uid:
            return
        present = newest.spec.taints or []
        wanted = conditions.taints(present, _ready_of(newest), clock.written())
        if wanted == present:
            return
        metadata = {"uid": newest.metadata.uid, "resourceVersion": newest.metadata.resource_version}
        body = {"metadata": metadata, "spec": {"taints": msgspec.to_builtins(wanted) or None}}
        if await self._write(cluster, body):
            message = conditions.taints_message(wanted)
            await self._recorder.record(_reference(cluster), "Normal", "TaintClusterSucceed", message)

    async def _write(self, cluster: Cluster, body: dict[str, Any], subresource: str = "") -> bool:
        """Whether the Cluster was still as it was known to be, and is written."""
        try:
            await self._hub.write_cluster(cluster.metadata.name, body, subresource=subresource)
        except (errors.NotFound, errors.Conflict) as error:
            # whatever came between is on its way to us, and brings the key back
            log.debug("cluster has changed meanwhile", cluster=cluster.metadata.name, error=str(error))
            return False
        metrics.WRITES.labels("cluster").inc()
        return True

    def _signs_of(self, name: str) -> Signs:
        signs = self._signs.get(name)
        if signs is None:
            signs = self._signs[name] = Signs(clock.moment())
        return signs


def _ready_of(cluster: Cluster) -> Condition | None:
    known = cluster.status.conditions if cluster.status is not None else None
    return conditions.of_type(known, wellknown.CONDITION_READY)


def _reference(cluster: Cluster) -> ObjectReference:
    return ObjectReference(
        api_version=wellknown.CLUSTER_API,
        kind=wellknown.CLUSTER,
        name=cluster.metadata.name,
        uid=cluster.metadata.uid,
    )
