"""What the leading replica runs: read everything, take an epoch, then decide."""

import asyncio
from datetime import timedelta

import structlog

from libs.common import bus, reconcile
from libs.common.api.work import ResourceBinding
from libs.common.kube.client import Client
from libs.common.kube.events import Recorder
from libs.common.kube.lease import Term
from libs.common.messages import Placed
from libs.common.names import OriginKey
from libs.common.reconcile import Outcome, Queue
from libs.common.service import Health
from services.policy import namespaces, routing
from services.policy.beats import Beats
from services.policy.bindings import Bindings
from services.policy.claims import Claims
from services.policy.clusters import Clusters
from services.policy.core.exclusions import Exclusions
from services.policy.core.orders import Orders
from services.policy.effects import Effects
from services.policy.epochs import Epochs
from services.policy.forsaken import Forsaken
from services.policy.hub import Changes, Hub
from services.policy.inbox import Inbox
from services.policy.namespaces import Namespaces
from services.policy.notices import Notices
from services.policy.outcomes import Outcomes
from services.policy.placements import Placements
from services.policy.reconcile import Reconciler
from services.policy.removal import Removal
from services.policy.requests import Requests
from services.policy.rollback import Rollback
from services.policy.routing import Routing
from services.policy.sending import Sending
from services.policy.settings import Settings
from services.policy.templates import Kind, Templates
from services.policy.view import View
from services.policy.works import Works

_READ_LIMIT = timedelta(seconds=5)
"""How long the kinds of templates are waited for before the work begins."""

_MEMBERS = 64
"""How many members are looked at at once; each is waited for, so that those that hang hold up no others."""

log = structlog.get_logger(__name__)


class Leadership:
    """One time of leadership, from reading everything to being cancelled."""

    def __init__(self, api: Client, nats: bus.Bus, settings: Settings, hub_uid: str) -> None:
        self._settings = settings
        self._queue: Queue[OriginKey] = Queue()
        self.orders = Orders(0)
        self.epochs = Epochs(self.orders)
        self.rollback = Rollback(
            shown=lambda: self.hub.highest_version(),
            anywhere=lambda: self.view.highest_version(),
            live=lambda: self.hub.live_version(),
        )
        self._recorder = Recorder(api, "argosy-policy")
        self.notices = Notices(nats, self._recorder)
        excluded = Exclusions(settings.skipped_propagating_apis, settings.skipped_propagating_namespaces)
        self.hub = Hub(api, hub_uid, self._changes())
        self.templates = Templates(
            api,
            wanted=lambda: self.routing.wanted_kinds(),
            excluded=excluded,
            on_change=lambda key, old, new: self.routing.template(key, old, new),
            on_synced=lambda kind: self.routing.kind(kind),
            on_unreadable=self._unreadable,
            on_went_back=self.rollback.went_back,
        )
        self.works = Works(nats, self.orders, on_change=lambda key: self.routing.origin(key), on_replay=self._replayed)
        self.placements = Placements(
            nats,
            on_answer=self._answered,
            on_replay=lambda: self.requests.expire_all(),
            sent=lambda key, digest: self.requests.sent(key, digest),
            oldest=lambda: self.requests.oldest(),
        )
        self.outcomes = Outcomes(
            nats,
            self.orders,
            on_change=lambda key: self.routing.origin(key),
            on_replay=lambda: self.routing.everything(),
        )
        self.view = View(
            self.hub,
            self.templates,
            self.works,
            self.placements,
            self.outcomes,
            excluded,
            Forsaken(settings.leaving_patience),
        )
        self.clusters = Clusters(api, nats, self.view, self.notices, lambda: self.routing.everything())
        self.routing = Routing(self.view, self._queue, self.clusters.queue)
        self.requests = Requests(
            nats,
            lambda key, priority: self.routing.origin(key, priority),
            window=settings.request_window,
            timeout=settings.request_timeout,
        )
        self.effects = Effects(
            self.view,
            self.orders,
            bindings=Bindings(api, self.hub),
            claims=Claims(api, self.view),
            requests=self.requests,
            sending=Sending(self.view, self.orders, self.notices, self.rollback),
            notices=self.notices,
        )
        removal = Removal(self.view, self.effects, self.rollback, lambda key: self.routing.origin(key))
        self.inbox = Inbox(api, nats)
        self.beats = Beats(nats, self.view, self.epochs, self.rollback, self.routing, removal)
        self._bindings = Reconciler(self.view, self.effects, removal)
        self._namespaces = Namespaces(self.view, self.effects, removal)

    async def rule(self, term: Term, health: Health) -> None:
        """Leads until cancelled."""
        self.rollback.begin(term)
        async with asyncio.TaskGroup() as tasks:
            for name, job in {
                "hub": self.hub.run(),
                "templates": self.templates.run(),
                "works": self.works.run(),
                "placements": self.placements.run(),
                "outcomes": self.outcomes.run(),
                "notices": self.notices.run(),
                "events": self._recorder.run(),
            }.items():
                tasks.create_task(job, name=name)
            await self._read()
            await self.epochs.take(term, self.works.highest_order().epoch)
            self.routing.begin()
            self.clusters.begin()
            health.ready("leader", True)
            for name, job in {
                "requests": self.requests.run(),
                "origins": reconcile.run(self._queue, self._look, name="origins", workers=self._settings.workers),
                "claims": reconcile.run(self.effects.claims.queue, self.effects.claims, name="claims"),
                "clusters": reconcile.run(self.clusters.queue, self.clusters, name="clusters", workers=4),
                "epochs": self.epochs.run(term),
                "rollback": self.rollback.run(),
                "beats": self.beats.run(),
                "members": reconcile.run(self.beats.queue, self.beats, name="members", workers=_MEMBERS),
                "inbox": self.inbox.run(),
                "answers": reconcile.run(self.placements.done, self.placements.purge, name="answers", workers=1),
            }.items():
                tasks.create_task(job, name=name)

    async def _look(self, key: OriginKey) -> Outcome:
        if namespaces.is_namespace(key):
            await self.works.ready()
            return await self._namespaces(key)
        return await self._bindings(key)

    async def _read(self) -> None:
        """Waits until all that decisions are made from has been read."""
        await self.hub.synced()
        self.templates.refresh(discover=True)
        await self.works.ready()
        await self.placements.read.wait()
        await self.outcomes.read.wait()
        await self.templates.all_synced(_READ_LIMIT)
        self.rollback.judge(
            known=int(self.works.highest_version()), hub=self.view.highest_version(), source="the stream WORKS"
        )

    def _changes(self) -> Changes:
        return Changes(
            cluster=lambda old, new: self.routing.cluster(old, new),
            policy=lambda old, new: self.routing.policy(old, new),
            override=lambda old, new: self.routing.override(old, new),
            binding=self._binding_changed,
            namespace=lambda old, new: self.routing.namespace(old, new),
            definition=lambda: self.routing.definition(),
            went_back=self.rollback.went_back,
        )

    def _binding_changed(self, old: ResourceBinding | None, new: ResourceBinding | None) -> None:
        if not self.effects.bindings.is_own(new):
            self.routing.binding(old, new)

    def _unreadable(self, kind: Kind, failure: str) -> None:
        for policy in self.hub.policies():
            if kind in routing.kinds_of([policy]):
                self.notices.unreadable_kind(policy, kind, failure)

    def _answered(self, key: OriginKey, placed: Placed) -> None:
        self.requests.answered(key, placed.digest)
        self.routing.origin(key, routing.FIRST)

    def _replayed(self, stream: str) -> None:
        """A stream is new or read anew: what was told may be lost, and everything is compared again."""
        self.outcomes.tell_again()
        self.beats.again()
        self.routing.everything()
