"""Clusters come and go: the finalizer that holds one until nothing of it is left, and the consumer of its agent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from libs.common import bus, names, subjects
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.bus import cloudevents
from libs.common.kube import resources
from libs.common.kube.client import MERGE, Client
from libs.common.kube.errors import NotFound
from libs.common.kube.resources import ObjectKey
from libs.common.names import encode_token
from libs.common.reconcile import DONE, After, Outcome, Queue
from services.policy.bindings import MANAGER
from services.policy.notices import Notices
from services.policy.view import View

log = structlog.get_logger(__name__)

_LOOK_AGAIN: Final = timedelta(seconds=1)
"""While a cluster leaves: its works are watched by others, who need not know that somebody waits."""

_EVERYONE: Final = ""
"""In the queue in place of a name: consumers are to be looked for whose clusters are gone."""


class Clusters:
    """`again` has all origins looked at once more.

    Keys of the queue are names of clusters, and one for all.
    """

    def __init__(self, api: Client, nats: bus.Bus, view: View, notices: Notices, again: Callable[[], None]) -> None:
        self._api = api
        self._nats = nats
        self._view = view
        self._notices = notices
        self._again = again
        self._served: dict[str, str] = {}
        """Clusters that have a consumer, and the uid of those whose consumer is known to be as it should."""
        self.queue: Queue[str] = Queue()

    def begin(self) -> None:
        """Clusters may have gone while nobody looked."""
        self.queue.add(_EVERYONE)

    async def __call__(self, name: str) -> Outcome:
        """Brings what surrounds one Cluster to what the hub says of it."""
        if name == _EVERYONE:
            return await self._begin()
        cluster = self._view.hub.cluster(name)
        if cluster is None:
            return await self._gone(name)
        if cluster.metadata.deletion_timestamp is not None:
            return await self._leaving(name, cluster)
        if self._served.get(name) != cluster.metadata.uid:
            await self._nats.create_agent_consumer(name)
            self._served[name] = cluster.metadata.uid
        if wellknown.CLUSTER_FINALIZER not in (cluster.metadata.finalizers or ()):
            await self._finalizers(cluster, [*(cluster.metadata.finalizers or ()), wellknown.CLUSTER_FINALIZER])
            self._notices.cluster(cloudevents.CLUSTER_JOINED, name, cluster.metadata.uid)
        return DONE

    async def _begin(self) -> Outcome:
        for name in await self._nats.agent_consumers():
            self._served.setdefault(name, "")
            self.queue.add(name)
        return DONE

    async def _leaving(self, name: str, cluster: Cluster) -> Outcome:
        if wellknown.CLUSTER_FINALIZER not in (cluster.metadata.finalizers or ()):
            return DONE
        await self._view.works.ready()
        if self._view.forsaken.judge(name, cluster):
            self._again()
        given_up = name in self._view.forsaken.names
        if given_up != (wellknown.GIVEN_UP_ANNOTATION in (cluster.metadata.annotations or {})):
            await self._mark(cluster, given_up=given_up)
            return After(_LOOK_AGAIN)
        if self._is_named(name):
            return After(_LOOK_AGAIN)
        if given_up:
            self._notices.given_up(
                name, cluster.metadata.uid, names.owner_hash(self._view.hub.uid, cluster.metadata.uid)
            )
        await self._clean(name)
        others = [f for f in cluster.metadata.finalizers or () if f != wellknown.CLUSTER_FINALIZER]
        await self._finalizers(cluster, others)
        self._notices.cluster(cloudevents.CLUSTER_LEFT, name, cluster.metadata.uid)
        return DONE

    def _is_named(self, name: str) -> bool:
        """Whether something is there or still leaving. Nobody waits for the word of a member that is given up."""
        dead = name in self._view.forsaken.names
        if self._view.hub.census.names(name, dead=dead):
            return True
        return not dead and bool(self._view.works.in_cluster(name))

    async def _gone(self, name: str) -> Outcome:
        """A Cluster that went without its finalizer leaves as little behind as one that went in order."""
        self._view.forsaken.judge(name, None)
        if name in self._served or self._view.works.in_cluster(name):
            await self._clean(name)
        return DONE

    async def _clean(self, name: str) -> None:
        """Takes away the agent's consumer and all subjects of a cluster."""
        token, on = encode_token(name), self._nats.subjects
        await self._nats.delete_agent_consumer(name)
        self._served.pop(name, None)
        works = await self._nats.stream_info(subjects.WORKS)
        status = await self._nats.stream_info(subjects.STATUS)
        await self._nats.purge(subjects.WORKS, on.works_of(name), up_to_seq=works.last_seq)
        for kind in ("status", "gone"):
            await self._nats.purge(subjects.STATUS, on.all(kind, token), up_to_seq=status.last_seq)
        await self._nats.purge(subjects.STATUS, on.capacity(name), up_to_seq=status.last_seq)
        self._view.works.forget_cluster(name)

    async def _mark(self, cluster: Cluster, *, given_up: bool) -> None:
        """Writes down that nobody waits for the member any more, for people and for who waits until it is gone."""
        name = cluster.metadata.name
        log.warning("a member that is to leave is silent" if given_up else "a member answers again", cluster=name)
        notes = {wellknown.GIVEN_UP_ANNOTATION: "true" if given_up else None}
        patch = {"metadata": {"annotations": notes, "uid": cluster.metadata.uid}}
        await self._api.patch(resources.CLUSTERS, ObjectKey("", name), patch, content_type=MERGE, manager=MANAGER)

    async def _finalizers(self, cluster: Cluster, finalizers: list[str]) -> None:
        metadata = cluster.metadata
        patch = {"metadata": {"finalizers": finalizers or None, "resourceVersion": metadata.resource_version}}
        try:
            await self._api.patch(
                resources.CLUSTERS, ObjectKey("", metadata.name), patch, content_type=MERGE, manager=MANAGER
            )
        except NotFound:  # the watch will show that it is gone
            log.debug("a cluster went meanwhile", cluster=metadata.name)
