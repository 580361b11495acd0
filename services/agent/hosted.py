"""Hosted mode: an agent for each Cluster of the hub that cannot or may not have one of its own."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from libs.common import errors, reconcile
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import ObjectMeta
from libs.common.bus import Bus
from libs.common.kube import credentials
from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.errors import CredentialsError, NotFound
from libs.common.kube.identity import cluster_uid
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import CLUSTERS, SECRETS, ObjectKey
from libs.common.messages import CapacityReport
from libs.common.reconcile import After, Outcome, Queue
from services.agent import agent, facts, farewell, metrics
from services.agent.agent import Membership
from services.agent.core import modelings, readiness
from services.agent.core.identity import Identity
from services.agent.settings import Settings
from services.agent.streams import Streams

log = structlog.get_logger()


class _Secret(msgspec.Struct, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str] | None = None


_cluster = msgspec.json.Decoder(Cluster).decode
_secret = msgspec.json.Decoder(_Secret).decode

_RESTART_PAUSE: Final = timedelta(seconds=1)


class Hosted:
    """The agents of this process, one for each uid of a Cluster. The failure of one is nothing to the others."""

    def __init__(self, hub: Client, connection: Bus, settings: Settings) -> None:
        self._hub = hub
        self._bus = connection
        self._streams = Streams(connection)
        self._settings = settings
        self._queue: Queue[str] = Queue()
        self.clusters: Informer[Cluster] = Informer(hub, CLUSTERS, decode=_cluster, on_change=self._changed)
        self._hub_uid = ""
        self._life = facts.new_life()
        self._revision = 0
        self._agents: dict[str, _Running] = {}
        self._departed: set[str] = set()
        """Uids of Clusters that left in good order: one that is merely not there any more may come back."""

    async def run(self) -> None:
        """Starts, restarts and ends agents as the hub's Clusters say, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.clusters.run(), name="watch clusters")
            reconciling = reconcile.run(self._queue, lambda name: self._reconcile(name, tasks), name="agent_clusters")
            tasks.create_task(reconciling, name="agents")

    def _changed(self, change: Change[Cluster]) -> None:
        old, new = change.old, change.new
        if (
            old is not None
            and old.metadata.deletion_timestamp
            and (new is None or new.metadata.uid != old.metadata.uid)
        ):
            self._departed.add(old.metadata.uid)
        self._queue.add(change.key.name)

    async def _reconcile(self, name: str, tasks: asyncio.TaskGroup) -> Outcome:
        cluster = self.clusters.cache.get(ObjectKey("", name))
        try:
            wanted = await self._membership(cluster) if cluster is not None and _is_hosted(cluster) else None
        except (errors.Retry, NotFound) as error:
            if cluster is not None and name not in self._agents:
                await self._tell_unusable(cluster, error)
            raise errors.Retry(str(error)) from error
        running = self._agents.get(name)
        if running is not None and running.membership != wanted:
            await running.stop()
            del self._agents[name]
            me = running.membership.identity
            if me.cluster_uid in self._departed:
                self._departed.discard(me.cluster_uid)
                await farewell.bid(me, running.membership.credentials, running.membership.account)
        if wanted is not None and name not in self._agents:
            self._agents[name] = _Running(self._bus, self._streams, wanted, self._settings, tasks)
        metrics.AGENTS.set(len(self._agents))
        return After(self._settings.secret_interval) if wanted is not None else reconcile.DONE

    async def _membership(self, cluster: Cluster) -> Membership:
        """Raises KubeError, and Retry for a Secret that cannot be used."""
        if not self._hub_uid:
            self._hub_uid = await cluster_uid(self._hub)
        reference = cluster.spec.secret_ref
        assert reference is not None
        secret = _secret(await self._hub.get(SECRETS, ObjectKey(reference.namespace, reference.name)))
        return Membership(
            identity=Identity(hub_uid=self._hub_uid, cluster=cluster.metadata.name, cluster_uid=cluster.metadata.uid),
            credentials=_credentials(cluster, secret.data or {}),
            account=(secret.metadata.annotations or {}).get(wellknown.MEMBER_ACCOUNT_ANNOTATION, ""),
            resource_models=tuple(cluster.spec.resource_models or modelings.DEFAULT),
        )

    async def _tell_unusable(self, cluster: Cluster, error: Exception) -> None:
        """Says, in place of an agent that cannot be, why the member cannot be spoken to."""
        self._revision += 1
        found = readiness.unusable(str(error))
        report = CapacityReport(
            hub_uid=self._hub_uid,
            cluster=cluster.metadata.name,
            cluster_uid=cluster.metadata.uid,
            revision=self._revision,
            agent=self._life,
            ready=found.ready,
            ready_reason=found.reason,
            ready_message=found.message,
        )
        await self._bus.publish(self._bus.subjects.capacity(cluster.metadata.name), report)


class _Running:
    """An agent at work; one that fails is started again."""

    def __init__(
        self,
        connection: Bus,
        streams: Streams,
        membership: Membership,
        settings: Settings,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.membership = membership
        self._task = tasks.create_task(
            self._run(connection, streams, settings), name=f"agent {membership.identity.cluster}"
        )

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self, connection: Bus, streams: Streams, settings: Settings) -> None:
        name = self.membership.identity.cluster
        while True:
            log.info("agent started", cluster=name, server=self.membership.credentials.origin)
            try:
                await agent.run(connection, streams, self.membership, settings)
            except Exception as error:
                log.exception("agent failed", cluster=name, error=str(error))
            await asyncio.sleep(_RESTART_PAUSE.total_seconds())


def _is_hosted(cluster: Cluster) -> bool:
    return cluster.spec.sync_mode == "Push" and cluster.spec.secret_ref is not None


def _credentials(cluster: Cluster, data: Mapping[str, str]) -> Credentials:
    try:
        token, bundle = (base64.b64decode(data.get(k, "")).decode() for k in ("token", "caBundle"))
        return credentials.from_secret(
            cluster.spec.api_endpoint,
            token,
            bundle,
            insecure=bool(cluster.spec.insecure_skip_tls_verification),
            proxy=cluster.spec.proxy_url or None,
        )
    except (binascii.Error, UnicodeDecodeError, CredentialsError) as error:
        raise errors.Retry(f"Secret of cluster {cluster.metadata.name} cannot be used: {error}") from error
