"""Takes requests from the bus, decides, and stores the placement before the request is acknowledged."""

import time
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from libs.common import telemetry
from libs.common.bus import Bus, Delivery
from libs.common.errors import Retry
from libs.common.messages import BindingRequest, ClusterEntry, Placed
from libs.common.names import OriginKey
from services.scheduler import metrics
from services.scheduler.core import schedule
from services.scheduler.core.options import Options
from services.scheduler.mirror import Mirror

log = structlog.get_logger()

_UNKNOWN_AFTER: Final = timedelta(milliseconds=500)
_REQUEST: Final = "binding.request.{namespace}.{binding}"


class Decisions:
    """Answers requests.

    Args:
        mirror_wait: how long a request waits for the cluster table to show the change that caused it.
    """

    def __init__(self, bus: Bus, mirror: Mirror, options: Options, mirror_wait: timedelta) -> None:
        self._bus = bus
        self._mirror = mirror
        self._options = options
        self._mirror_wait = mirror_wait

    async def __call__(self, delivery: Delivery[BindingRequest]) -> None:
        """Decides one request. Raises Retry while nothing is known of the clusters, bus.Unavailable."""
        request = delivery.message
        clusters, revision = await self._snapshot(request)
        attributes = telemetry.messaging("process", _REQUEST, delivery.subject)
        name = telemetry.messaging_name("process", _REQUEST)
        with telemetry.span(name, parent=delivery.traceparent, kind="consumer", attributes=attributes) as span:
            began = time.perf_counter()
            placed = schedule.decide(request, clusters, self._options)
            placed = msgspec.structs.replace(placed, cluster_revision=str(revision))
            metrics.DECIDE_SECONDS.observe(time.perf_counter() - began)
            span.set("argosy.outcome", placed.failure or "placed")
            subject = self._bus.subjects.binding_placed(OriginKey(request.namespace, request.name))
            await self._bus.publish(subject, placed, traceparent=span.traceparent)
        self._tell(request, placed)

    async def _snapshot(self, request: BindingRequest) -> tuple[tuple[ClusterEntry, ...], int]:
        """The clusters, and up to which change of the hub they are known; older than asked for if that takes long."""
        revision = int(request.cluster_revision) if request.cluster_revision.isdecimal() else 0
        if not await self._mirror.reached(revision, self._mirror_wait):
            metrics.WAITED.labels("unknown" if self._mirror.snapshot() is None else "behind").inc()
        clusters = self._mirror.snapshot()
        if clusters is None:
            # an empty Redis says nothing of the clusters: deciding on it would take everything away
            raise Retry("the cluster table is not filled", after=_UNKNOWN_AFTER)
        return clusters, self._mirror.hub_revision

    def _tell(self, request: BindingRequest, placed: Placed) -> None:
        metrics.DECISIONS.labels(placed.failure or "placed").inc()
        log.debug(
            "decided",
            namespace=request.namespace,
            binding=request.name,
            clusters={cluster.name: cluster.replicas for cluster in placed.clusters},
            failure=placed.failure,
            message=placed.message,
        )
