"""CloudEvents about the health of clusters, for whoever listens. They delay nothing: what finds no room is dropped."""

import asyncio
from typing import Final, NamedTuple

import structlog

from libs.common import bus
from libs.common.api.cluster import Cluster
from libs.common.api.meta import Condition
from libs.common.bus import Bus, cloudevents

log = structlog.get_logger(__name__)

SOURCE: Final = "/argosy/status-aggregator"
_WAITING: Final = 256


class _Turn(NamedTuple):
    cluster: Cluster
    ready: Condition


class Notices:
    """Tells when the Ready condition of a cluster turns; `run` must run beside whoever tells."""

    def __init__(self, nats: Bus) -> None:
        self._nats = nats
        self._waiting: asyncio.Queue[_Turn] = asyncio.Queue(_WAITING)

    def health(self, cluster: Cluster, ready: Condition) -> None:
        """Notes that Ready says something else than before."""
        if self._waiting.full():
            log.warning("event dropped: too many wait", cluster=cluster.metadata.name)
        else:
            self._waiting.put_nowait(_Turn(cluster, ready))

    async def run(self) -> None:
        """Publishes for ever."""
        while True:
            cluster, ready = await self._waiting.get()
            name, uid = cluster.metadata.name, cluster.metadata.uid
            try:
                await self._nats.event(
                    self._nats.subjects.event_cluster(name),
                    type=cloudevents.CLUSTER_HEALTH,
                    source=SOURCE,
                    id=f"health/{uid}/{ready.last_transition_time}/{ready.status}",
                    data={
                        "name": name,
                        "uid": uid,
                        "ready": ready.status,
                        "reason": ready.reason,
                        "message": ready.message,
                    },
                    subject_attr=name,
                )
            except bus.BusError as error:
                log.warning("event not published", cluster=name, error=str(error))
