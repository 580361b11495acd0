"""One agent: everything that runs for one member, from its first look to its end."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Final

import msgspec

from libs.common import reconcile
from libs.common.api.cluster import ResourceModel
from libs.common.backoff import Backoff
from libs.common.bus import Bus
from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.common.messages import Work
from services.agent import applying, facts, metrics
from services.agent.beat import Beats
from services.agent.core import modelings
from services.agent.core.effects import Counted, Effects
from services.agent.core.identity import Identity
from services.agent.core.readiness import Readiness
from services.agent.core.table import Table
from services.agent.facts import Facts, Reporter
from services.agent.inventory import Inventories
from services.agent.kinds import Kinds
from services.agent.member import Member
from services.agent.receipts import Receipts
from services.agent.settings import Settings
from services.agent.statuses import Statuses
from services.agent.streams import Streams
from services.agent.tenure import Tenure
from services.agent.watches import Watches
from services.agent.works import Works

_USER_AGENT: Final = "argosy-agent"
_TELLING: Final = Backoff(limit=timedelta(seconds=2))
"""When the bus comes back the hub's side is to know soon."""

_GRACE: Final = timedelta(seconds=2)
"""For writes under way when the Lease is lost or the process is to end."""


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Which member, for whom, and how to reach it."""

    identity: Identity
    credentials: Credentials
    account: str = ""
    """What the agent's account in the member is called; "" if that is not known."""
    resource_models: tuple[ResourceModel, ...] = modelings.DEFAULT


async def run(connection: Bus, streams: Streams, membership: Membership, settings: Settings) -> None:
    """Is the agent of one member, for ever. `streams` is the same for all agents of a process."""
    try:
        async with Client(membership.credentials, user_agent=_USER_AGENT) as api, asyncio.TaskGroup() as tasks:
            await _Agent(connection, streams, api, membership, settings, tasks).run()
    finally:
        metrics.forget(membership.identity.cluster)


class _Agent:
    """The parts of one agent, put together."""

    def __init__(
        self,
        connection: Bus,
        streams: Streams,
        api: Client,
        membership: Membership,
        settings: Settings,
        tasks: asyncio.TaskGroup,
    ) -> None:
        me = membership.identity
        life = facts.new_life()
        self._me = me
        self._bus = connection
        self._settings = settings
        self._kinds = Kinds(api, self._kinds_changed)
        self._watches = Watches(api, tasks, me.owner, lambda r, c: self._works.changed(r, c.key, c.old, c.new))
        self._facts = Facts(api, self._kinds, membership.resource_models)
        self._tenure = Tenure(api, me, settings.lease_duration, settings.host)
        self._effects = Effects()
        receipts = Receipts(connection)
        self._reporter = Reporter(me, connection, self._facts, life, self._may_speak, self._counted, receipts)
        self._table = table = Table(me)
        self._statuses = Statuses(me, connection, table, self._effects, self._look, settings.status_interval, receipts)
        member = Member(api, me, self._kinds, self._watches, settings.call_timeout)
        self._works = Works(me, connection, member, self._kinds, self._watches, table, self._statuses)
        self._beats = Beats(
            me, connection, streams, receipts, life, table, self._works, self._statuses, self._facts, self._may_speak
        )
        self._inventories = Inventories(api, me, self._kinds)

    async def run(self) -> None:
        """Runs all parts for ever: some always, so that the hub's side hears of a member that cannot be reached."""
        settings = self._settings
        metrics.WATCHES.labels(self._me.cluster).set_function(lambda: len(self._watches))
        await self._together(
            {
                "kinds": self._kinds.follow(settings.discovery_interval),
                "probe": self._facts.probe(settings.probe_interval, settings.probe_timeout, self._readiness_changed),
                "report": self._reporter.run(settings.report_interval, settings.cluster_status_update_frequency),
                "beats": self._beats.run(settings.beat_interval),
                "tenure": self._tenure.run(self._act),
            }
        )

    async def _act(self) -> None:
        """What only the holder of the Lease does."""
        workers = self._settings.workers
        self._facts.dirty.set()
        self._beats.now.set()
        await self._together(
            {
                "facts": self._facts.follow(),
                "inventory": self._inventories.serve(self._bus),
                "follow works": self._works.follow(),
                "works": reconcile.run(
                    self._works.queue, self._works, name="agent_works", workers=workers, grace=_GRACE
                ),
                "statuses": reconcile.run(
                    self._statuses.queue, self._statuses, name="agent_statuses", backoff=_TELLING
                ),
            }
        )

    async def _together(self, parts: dict[str, Coroutine[Any, Any, None]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for part, running in parts.items():
                tasks.create_task(running, name=f"{self._me.cluster} {part}")

    def _may_speak(self) -> bool:
        """The holder of the Lease; and who finds the member unreachable, for then nobody can hold it."""
        readiness = self._facts.readiness
        return self._tenure.holds or (readiness.ready != "Unknown" and not readiness.reachable)

    def _readiness_changed(self, found: Readiness) -> None:
        metrics.READY.labels(self._me.cluster).set(found.ready == "True")
        self._beats.now.set()
        if found.reachable:
            self._kinds.wanted.set()
            self._works.retry()

    def _counted(self) -> Counted:
        now = asyncio.get_running_loop().time()
        return self._effects.counted((w.order for w in self._table.works.values()), now)

    def _kinds_changed(self) -> None:
        self._facts.dirty.set()
        self._works.kinds_changed()

    def _look(self, work: Work) -> bytes | None:
        resource = self._kinds.find(work.api_version, work.kind)
        if resource is None:
            return None
        seen = self._watches.seen(resource, applying.object_key(resource, work.namespace, work.name))
        return seen.raw if seen is not None else None
