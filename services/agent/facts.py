"""What an agent reports of its member as a whole: health, version, kinds, nodes, and what of them is taken."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import structlog

from libs.common.api.cluster import ResourceModel
from libs.common.bus import Bus, BusError
from libs.common.kube import errors
from libs.common.kube.client import Client
from libs.common.kube.identity import cluster_uid
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import NODES, PODS
from libs.common.messages import CapacityReport, Order
from services.agent import metrics
from services.agent.core import capacity, effects, modelings, readiness, requests
from services.agent.core.capacity import Ledger, Node, Offer
from services.agent.core.effects import Counted
from services.agent.core.identity import Identity
from services.agent.core.readiness import Readiness
from services.agent.core.requests import Demand, Pod
from services.agent.kinds import Kinds
from services.agent.receipts import Receipts

log = structlog.get_logger()

_node = msgspec.json.Decoder(Node).decode
_pod = msgspec.json.Decoder(Pod).decode


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    git_version: str = ""


_version = msgspec.json.Decoder(_Version).decode
_KNOWN_FOR: Final = timedelta(seconds=10)


class Facts:
    """Gathers the facts of one member and says when they have changed."""

    def __init__(self, api: Client, kinds: Kinds, models: Sequence[ResourceModel]) -> None:
        self._api = api
        self._kinds = kinds
        self._grades = modelings.grades(models)
        self._ledger = Ledger()
        self._nodes = Informer(api, NODES, decode=_offer, on_change=self._node_changed)
        self._pods = Informer(api, PODS, decode=_demand, on_change=self._pod_changed)
        self._kubernetes_version = ""
        self._member_id = ""
        self._known_until = 0.0
        self.readiness = Readiness()
        self.dirty = asyncio.Event()

    async def follow(self) -> None:
        """Watches nodes and pods for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nodes.run(), name="watch nodes")
            tasks.create_task(self._pods.run(), name="watch pods")
            tasks.create_task(self._synced(), name="first count")

    async def probe(self, interval: timedelta, timeout: timedelta, on_change: Callable[[Readiness], None]) -> None:
        """Asks the member how it is, at `interval`, for ever; calls `on_change` when the answer differs."""
        while True:
            found = await self._probe(timeout)
            if found != self.readiness:
                self.readiness = found
                self.dirty.set()
                on_change(found)
            await asyncio.sleep(interval.total_seconds())

    def report(self, me: Identity, agent: str, revision: int, counts_order: Order) -> CapacityReport:
        """The facts as they are known now; what was not read yet is left out."""
        counted = self._nodes.synced.is_set() and self._pods.synced.is_set()
        return CapacityReport(
            hub_uid=me.hub_uid,
            cluster=me.cluster,
            cluster_uid=me.cluster_uid,
            member_id=self._member_id,
            revision=revision,
            agent=agent,
            counts_order=counts_order,
            ready=self.readiness.ready,
            ready_reason=self.readiness.reason,
            ready_message=self.readiness.message,
            kubernetes_version=self._kubernetes_version,
            api_enablements=self._kinds.enablements(),
            api_complete=readiness.completeness(self._kinds.known, bool(list(self._kinds.all())), self._kinds.failures),
            node_summary=self._ledger.node_summary() if counted else None,
            resource_summary=self._ledger.resource_summary(self._grades) if counted else None,
            observed_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )

    async def _probe(self, timeout: timedelta) -> Readiness:
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                status = await self._status("/readyz")
                if status == 404:
                    status = await self._status("/healthz")
                if status == 200 and asyncio.get_running_loop().time() > self._known_until:
                    status = await self._identify()
        except (errors.KubeError, TimeoutError) as error:
            if isinstance(error, errors.CredentialsError):
                return readiness.unusable(str(error))
            return readiness.judge(None)
        return readiness.judge(status)

    async def _status(self, path: str) -> int:
        try:
            await self._api.raw("GET", path)
        except errors.ApiError as error:
            return error.status
        return 200

    async def _identify(self) -> int:
        """Asks who the member is, which also proves that it knows us: health endpoints answer anybody."""
        try:
            version = _version(await self._api.raw("GET", "/version")).git_version
            member_id = await cluster_uid(self._api)
        except errors.Unauthorized as error:
            return error.status
        except errors.ApiError as error:
            log.debug("member does not tell who it is", server=self._api.origin, error=str(error))
            return 200
        self._known_until = asyncio.get_running_loop().time() + _KNOWN_FOR.total_seconds()
        if (version, member_id) != (self._kubernetes_version, self._member_id):
            self._kubernetes_version, self._member_id = version, member_id
            self.dirty.set()
        return 200

    async def _synced(self) -> None:
        await self._nodes.synced.wait()
        await self._pods.synced.wait()
        self.dirty.set()

    def _node_changed(self, change: Change[Offer]) -> None:
        if self._ledger.set_node(change.key.name, change.new):
            self.dirty.set()

    def _pod_changed(self, change: Change[Demand]) -> None:
        if self._ledger.set_pod(change.key, change.new):
            self.dirty.set()


class Reporter:
    """Publishes the facts: at once when they change, but not more often than `interval`, and at least each `limit`.

    `counted` gives the highest work order whose effect the figures include.
    """

    def __init__(
        self,
        me: Identity,
        connection: Bus,
        facts: Facts,
        agent: str,
        may_speak: Callable[[], bool],
        counted: Callable[[], Counted],
        receipts: Receipts,
    ) -> None:
        self._me = me
        self._bus = connection
        self._facts = facts
        self._agent = agent
        self._may_speak = may_speak
        self._counted = counted
        self._receipts = receipts
        self._complete = True
        self._revision = 0

    async def run(self, interval: timedelta, limit: timedelta) -> None:
        """Reports for ever."""
        subject = self._bus.subjects.capacity(self._me.cluster)
        while True:
            await self._reason(limit)
            self._facts.dirty.clear()
            if self._may_speak():
                await self._report(subject)
            await asyncio.sleep(interval.total_seconds())

    async def _reason(self, limit: timedelta) -> None:
        """Waits until there is something to report: a change, an effect that is due, or that the time is up."""
        patience = limit.total_seconds() if self._complete else min(effects.SETTLE, limit.total_seconds())
        try:
            async with asyncio.timeout(patience):
                await self._facts.dirty.wait()
        except TimeoutError:
            return

    async def _report(self, subject: str) -> None:
        self._revision += 1
        counted = self._counted()
        self._complete = counted.complete
        message = self._facts.report(self._me, self._agent, self._revision, counted.order)
        try:
            self._receipts.took(subject, await self._bus.publish(subject, message))
        except BusError as error:
            log.debug("facts not reported", cluster=self._me.cluster, error=str(error))
            self._facts.dirty.set()
            return
        metrics.PUBLISHED.labels(self._me.cluster, "capacity").inc()


def new_life() -> str:
    """A name for one life of an agent."""
    return uuid.uuid4().hex[:12]


def _offer(raw: bytes) -> Offer:
    return capacity.offer(_node(raw))


def _demand(raw: bytes) -> Demand:
    return requests.demand(_pod(raw))
