"""The works of one cluster: where they come from, what the member tells of them, and what is done, one by one."""

import asyncio
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from libs.common import bus, errors, telemetry
from libs.common.bus import Bus, BusError, Delivery
from libs.common.interpreter import registry
from libs.common.kube.errors import ApiError, KubeError, Unreachable
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Work
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, After, Outcome, Queue
from libs.common.subjects import WORKS
from services.agent import applying, metrics
from services.agent.applying import Applier
from services.agent.core import identity, ownership, rivals
from services.agent.core.identity import Identity, ObjectName
from services.agent.core.status import Result
from services.agent.core.table import Table
from services.agent.kinds import Kinds, NoMatch
from services.agent.member import Member
from services.agent.progress import Progress, settlement
from services.agent.removals import Removals
from services.agent.statuses import Statuses
from services.agent.watches import Managed, Watches

log = structlog.get_logger()

_LET_GO: Final = timedelta(seconds=1)
_TELL_AGAIN: Final = timedelta(seconds=1)
_SOON, _USUAL = 1, 0
_TEMPLATE: Final = "work.{cluster}.{namespace}.{binding}"
_FIRST_KINDS: Final = frozenset({"Namespace", "CustomResourceDefinition"})

_decode = msgspec.json.Decoder(dict).decode


class Works:
    """The works of one cluster and what has become of them."""

    def __init__(
        self,
        me: Identity,
        connection: Bus,
        member: Member,
        kinds: Kinds,
        watches: Watches,
        table: Table,
        statuses: Statuses,
    ) -> None:
        self._me = me
        self._bus = connection
        self._kinds = kinds
        self._watches = watches
        self._table = table
        self._statuses = statuses
        self._unmatched: set[OriginKey] = set()
        self.queue: Queue[OriginKey] = Queue()
        self.caught_up = asyncio.Event()
        self._applier = Applier(me, member, kinds, watches, table, statuses)
        self._removals = Removals(me, member, kinds, watches, table, self.caught_up)
        self.stream_seq = 0

    # ---- where works come from ---------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Reads the cluster's works for ever."""
        await self._bus.follow(
            WORKS,
            [self._bus.subjects.works_of(self._me.cluster)],
            consumer=bus.agent_consumer(self._me.cluster),
            decode=lambda _: Work,
            on_message=self._take,
            on_replay=self._forget,
            caught_up=self.caught_up,
            create=False,
        )

    def _forget(self) -> None:
        known = list(self._table.works)
        self._table.forget()
        self._statuses.forget()
        for key in known:
            # those that do not come again are let go, once that is certain
            self.queue.add_after(key, _LET_GO)

    def _take(self, delivery: Delivery[Work]) -> None:
        work, key = delivery.message, self._bus.subjects.state(delivery.subject).key
        self.stream_seq = delivery.seq
        reason = self._table.refuses(work)
        if reason:
            metrics.REFUSED.labels(self._me.cluster).inc()
            log.warning("work refused", cluster=self._me.cluster, origin=key, reason=reason)
            return
        if not self._table.put(key, work):
            metrics.LATE.labels(self._me.cluster).inc()
            return
        metrics.WORKS.labels(self._me.cluster).set(len(self._table.works))
        self._statuses.taken(key, work, delivery.traceparent, fresh=self.caught_up.is_set())
        self.queue.add(key, priority=_SOON if work.kind in _FIRST_KINDS else _USUAL)

    # ---- what the member tells ---------------------------------------------------------------------------------------

    def changed(self, resource: Resource, key: ObjectKey, old: Managed | None, new: Managed | None) -> None:
        """A managed object has changed, by our own hand or another's."""
        if resource.kind == "CustomResourceDefinition":
            self._kinds.wanted.set()
        if new is not None:
            self._table.saw(new.order)
        name = ObjectName(api_version=resource.api_version, kind=resource.kind, namespace=key.namespace, name=key.name)
        for origin in self._table.claimants(name):
            progress = self._statuses.progress(origin)
            if progress.writing == name:
                # the answer to the write says what this is, and if it is more than that, the work is looked at again
                continue
            if new is not None and new.resource_version == progress.version:
                self._statuses.mark(origin)
            elif new is not None and old is not None and not _differs(old, new):
                # only the status, or what the server itself keeps: what was right before still is
                if progress.version == old.resource_version:
                    progress.version = new.resource_version
                self._statuses.mark(origin)
            else:
                self._drifted(origin, progress)

    def _drifted(self, origin: OriginKey, progress: Progress) -> None:
        applied = progress.result is not None and progress.result.applied
        if applied and self._table.works[origin].op == "apply":
            metrics.DRIFT.labels(self._me.cluster).inc()
        progress.gone = []
        self.queue.add(origin)

    def retry(self) -> None:
        """The member is back: what failed meanwhile need not wait any longer."""
        for origin, work in self._table.works.items():
            progress = self._statuses.progress(origin)
            result = progress.result
            undone = result is None or result.applied is False
            if not progress.is_removed(work) if work.op == "delete" else undone:
                self.queue.add(origin)

    def kinds_changed(self) -> None:
        """The member serves other kinds than before: what waited for one may go on."""
        for origin in self._unmatched:
            self.queue.add(origin)

    def tell_gone_again(self) -> None:
        """The stream has lost what it was told: tombstones are handled, and reported, once more."""
        for origin, work in self._table.works.items():
            if work.op == "delete" or work.removes:
                self.queue.add(origin)

    # ---- one work ----------------------------------------------------------------------------------------------------

    async def __call__(self, key: OriginKey) -> Outcome:
        """Brings the member to what the work of one origin says."""
        work = self._table.works.get(key)
        if work is None:
            return self._let_go(key)
        progress = self._statuses.progress(key)
        progress.begin(work)
        if self._applier.is_settled(work, progress):
            self._statuses.found(key, work, Result(order=work.order, applied=True))
            return DONE
        attributes = telemetry.messaging("process", _TEMPLATE, self._bus.subjects.work(self._me.cluster, key))
        name = telemetry.messaging_name("process", _TEMPLATE)
        with telemetry.span(name, parent=progress.cause, kind="consumer", attributes=attributes) as span:
            span.set("k8s.cluster.name", self._me.cluster)
            progress.traceparent = span.traceparent
            return await self._attempt(key, work, progress)

    def _let_go(self, key: OriginKey) -> Outcome:
        if not self.caught_up.is_set():
            return After(_LET_GO)
        self._watches.hold(key, ())
        self._statuses.drop(key)
        return DONE

    async def _attempt(self, key: OriginKey, work: Work, progress: Progress) -> Outcome:
        try:
            if work.op == "delete":
                return await self._tombstone(key, work, progress)
            return await self._applied(key, work, progress)
        except (KubeError, NoMatch) as error:
            progress.live = False
            metrics.FAILURES.labels(self._me.cluster, type(error).__name__).inc()
            if isinstance(error, NoMatch):
                self._unmatched.add(key)
            if work.op == "apply" and not _says_nothing(error, work, progress):
                self._statuses.found(key, work, Result(order=work.order, applied=False, message=str(error)))
            pause = error.retry_after if isinstance(error, ApiError) else None
            raise errors.Retry(str(error), after=timedelta(seconds=pause) if pause else None) from error
        except BusError as error:
            raise errors.Retry(f"not told: {error}", after=_TELL_AGAIN) from error

    async def _tombstone(self, key: OriginKey, work: Work, progress: Progress) -> Outcome:
        pending = await self._removals.carry_out(key, work, progress)
        if pending:
            progress.live = True
            return applying.WAIT
        progress.live = False
        progress.result = None
        self._unmatched.discard(key)
        self._statuses.tried(key, work)
        await self._statuses.gone(work, key, progress)
        self._watches.hold(key, ())
        # another origin may take the object over now, and its namespace may have waited for this
        for name in (identity.target(work), identity.namespace(work.namespace)):
            for origin in self._table.claimants(name):
                if origin != key:
                    self.queue.add(origin)
        return DONE

    async def _applied(self, key: OriginKey, work: Work, progress: Progress) -> Outcome:
        if work.suspended:
            standing = await self._is_standing(key, work)
            self._statuses.found(key, work, Result(order=work.order, applied=True if standing else None))
            return DONE
        if rivals.yields(work, self._table.others(key, identity.target(work))):
            standing = await self._is_standing(key, work)
            self._statuses.found(key, work, Result(order=work.order, applied=True if standing else None))
            return DONE if standing else applying.WAIT
        pending = await self._removals.carry_out(key, work, progress)
        if progress.gone:
            await self._statuses.gone(work, key, progress)
        target = identity.target(work)
        for name, reason in pending.items():
            if name == target:
                self._statuses.found(key, work, Result(order=work.order, applied=False, message=reason))
                progress.live = True
                return applying.WAIT
        resource = await self._kinds.resource(work.api_version, work.kind)
        self._unmatched.discard(key)
        self._watches.hold(key, (resource, *self._removals.watched(work, progress)))
        outcome = await self._applier.apply(key, work, progress, resource)
        if progress.result is not None and progress.result.applied:
            self._release_dependents(work)
        return applying.WAIT if pending else outcome

    async def _is_standing(self, key: OriginKey, work: Work) -> bool:
        """Whether something of the template was applied before dispatching was suspended: it is still told of."""
        resource = await self._kinds.resource(work.api_version, work.kind)
        self._watches.hold(key, (resource,))
        await self._watches.synced(resource)
        seen = self._watches.seen(resource, applying.object_key(resource, work.namespace, work.name))
        return seen is not None and identity.marks_of(_decode(seen.raw)).template_uid == work.template.uid

    def _release_dependents(self, work: Work) -> None:
        """Tries again at once what may have failed for want of this object."""
        name = identity.target(work)
        if not ownership.is_container(name):
            return
        if name.kind == "Namespace":
            for origin in self._table.inside(name.name):
                result = self._statuses.progress(origin).result
                if result is not None and result.applied is False:
                    self.queue.add(origin)
        else:
            self._kinds.wanted.set()


def _says_nothing(error: Exception, work: Work, progress: Progress) -> bool:
    """Whether a failure tells nothing of the work: the member cannot be reached, and may well have it already."""
    return isinstance(error, Unreachable) and (not progress.fresh or progress.settled == settlement(work))


def _differs(old: Managed, new: Managed) -> bool:
    """Whether more than status and the server's own metadata has changed."""
    if old.deleting != new.deleting or old.uid != new.uid:
        return True
    if old.generation and old.generation == new.generation and old.notes == new.notes:
        return False
    return bool(registry.prune(_decode(old.raw)) != registry.prune(_decode(new.raw)))
