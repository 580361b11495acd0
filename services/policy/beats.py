"""Listens to the agents' beats: takes epochs above what they have seen, and repairs what differs."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from libs.common import bus
from libs.common.errors import Retry
from libs.common.messages import Beat, Inventory, InventoryRequest
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, Outcome, Queue
from services.policy import metrics
from services.policy.core import divergence
from services.policy.core.divergence import Watch
from services.policy.epochs import Epochs
from services.policy.removal import Removal
from services.policy.rollback import Rollback
from services.policy.routing import Routing
from services.policy.view import View

log = structlog.get_logger(__name__)

_ANSWER: Final = timedelta(seconds=30)
"""An inventory is read from the member itself."""
_SOON: Final = timedelta(seconds=1)


class Beats:
    def __init__(
        self, nats: bus.Bus, view: View, epochs: Epochs, rollback: Rollback, routing: Routing, removal: Removal
    ) -> None:
        self._nats = nats
        self._view = view
        self._epochs = epochs
        self._rollback = rollback
        self._routing = routing
        self._removal = removal
        self._watches: dict[str, Watch] = {}
        self.queue: Queue[str] = Queue()
        """Clusters whose member must be looked at."""

    async def run(self) -> None:
        """Listens until cancelled."""
        async with self._nats.subscribe_core(self._nats.subjects.all("beat"), Beat, self._take):
            await asyncio.get_running_loop().create_future()

    def again(self) -> None:
        """The stream is not what it was: every member is looked at."""
        self._watches.clear()

    def _take(self, delivery: "bus.Delivery[Beat]") -> None:
        beat = delivery.message
        if beat.hub_uid != self._view.hub.uid or self._view.fleet().uids.get(beat.cluster) != beat.cluster_uid:
            return
        if beat.api_reachable:
            self._view.forsaken.answered(beat.cluster)
        self._epochs.seen(beat.highest_order)
        self._rollback.suspect(known=beat.highest_hub_version, source=f"the agent of {beat.cluster}")
        if not self._view.works.works_read.is_set():
            return
        works, digest = self._view.works.digest(beat.cluster)
        watch = self._watches.setdefault(beat.cluster, Watch())
        last = self._view.works.last_seq(beat.cluster)
        if divergence.judge(watch, beat, works=works, digest=digest, last_seq=last):
            if (beat.works, beat.known_digest) != (works, digest):
                log.warning("an agent knows other works than the stream has", cluster=beat.cluster)
                metrics.REPAIRS.labels("digest").inc()
                self._resend(beat.cluster)
            self.queue.add(beat.cluster)

    def _resend(self, cluster: str) -> None:
        """Sends every work of a cluster again, from the hub."""
        for key in self._view.works.in_cluster(cluster):
            self._again(key, cluster)

    async def __call__(self, cluster: str) -> Outcome:
        """Compares one member with the stream, and repairs what differs."""
        await self._view.works.ready()
        uid = self._view.fleet().uids.get(cluster)
        if uid is None:
            return DONE
        answer = await self._nats.request(
            self._nats.subjects.call(cluster, "inventory"),
            InventoryRequest(hub_uid=self._view.hub.uid, cluster_uid=uid),
            Inventory,
            timeout=_ANSWER,
        )
        findings = divergence.compare(
            self._view.works.in_cluster(cluster), answer.items, complete=not answer.incomplete
        )
        for key in findings.missing:
            metrics.REPAIRS.labels("missing").inc()
            self._again(key, cluster)
        self._epochs.seen(findings.highest)
        if not self._epochs.above(findings.highest):
            raise Retry(f"{cluster}: what is said now must be above all that its objects bear", after=_SOON)
        for key in findings.outgrown:
            metrics.REPAIRS.labels("outgrown").inc()
            self._again(key, cluster)
        for key, item in findings.orphans:
            await self._removal.orphan(key, cluster, uid, item)
            self._routing.origin(key)
        if cluster in self._watches:
            self._watches[cluster].compared = True
        return DONE

    def _again(self, key: OriginKey, cluster: str) -> None:
        """A member is not as a work says: its agent is told once more, in case it never heard, or not lately."""
        self._view.works.doubt(key, cluster)
        self._routing.origin(key)
