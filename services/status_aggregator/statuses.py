"""From what members and policy say on the bus to the status of bindings and templates on the hub."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog

from libs.common import reconcile, telemetry
from libs.common.api.work import AggregatedStatusItem, BindingStatus
from libs.common.bus import Delivery
from libs.common.difference import merge_patch
from libs.common.errors import Retry
from libs.common.kube import errors
from libs.common.messages import Outcome, TemplateRef, WorkStatus
from libs.common.names import OriginKey
from libs.common.subjects import Subjects
from services.status_aggregator import clock, metrics
from services.status_aggregator.core import aggregate, freshness
from services.status_aggregator.hub import Binding, Hub
from services.status_aggregator.reports import Reports
from services.status_aggregator.templates import Templates

log = structlog.get_logger(__name__)

_STATUS_TEMPLATE: Final = "status.{cluster}.{namespace}.{binding}"
_OUTCOME_TEMPLATE: Final = "outcome.{namespace}.{binding}"
_NAMESPACE: Final = "Namespace"
"""The kind of origin that decides by itself: its refusals are told, and it has no binding."""


class Record:
    """All that is known of one origin."""

    __slots__ = ("again", "aggregated", "outcome", "pace", "statuses", "traceparent")

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.statuses: dict[str, WorkStatus] = {}
        self.pace = freshness.Pace()
        self.traceparent = ""
        self.aggregated: tuple[TemplateRef, list[AggregatedStatusItem], frozenset[str]] | None = None
        """What the template's status was last made from."""
        self.again = 0.0
        """When it may be looked at again, by the loop's clock."""


class Statuses:
    """Keeps the last word of each member and of policy, and writes what they come to."""

    def __init__(
        self,
        hub: Hub,
        templates: Templates,
        reports: Reports,
        *,
        subjects: Subjects,
        hub_uid: str,
        caught_up: asyncio.Event,
    ) -> None:
        self._hub = hub
        self._templates = templates
        self._reports = reports
        self._subjects = subjects
        self._hub_uid = hub_uid
        self._caught_up = caught_up
        self._queue: reconcile.Queue[OriginKey] = reconcile.Queue()
        self._records: dict[OriginKey, Record] = {}
        self._held: set[OriginKey] = set()
        """Bindings whose status is held back."""
        self._replaying = asyncio.Event()
        hub.listen(on_binding=self.on_binding)

    async def run(self) -> None:
        """Writes for ever, but nothing while the stream is being read from its beginning."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reconcile.run(self._queue, self.handle, name="statuses"), name="statuses")
            tasks.create_task(self._resume(), name="statuses after a replay")

    # ---- what comes in -----------------------------------------------------------------------------------------------

    def on_replay(self) -> None:
        self._records.clear()
        self._held.clear()
        self._replaying.set()

    def on_status(self, delivery: Delivery[WorkStatus]) -> None:
        place, said = self._subjects.state(delivery.subject), delivery.message
        if said.cluster != place.cluster or said.hub_uid != self._hub_uid:
            metrics.STATUSES.labels("foreign").inc()
            return
        record = self._record(place.key)
        known = record.statuses.get(place.cluster)
        if not aggregate.supersedes(said, known):
            metrics.STATUSES.labels("late").inc()
            return
        metrics.STATUSES.labels("repeated" if said == known else "taken").inc()
        record.statuses[place.cluster] = aggregate.lean(said, record.outcome)
        self._received(record, delivery, _STATUS_TEMPLATE)
        self._queue.add(place.key)

    def on_outcome(self, delivery: Delivery[Outcome]) -> None:
        key, said = self._subjects.origin(delivery.subject), delivery.message
        record = self._record(key)
        if said.hub_uid != self._hub_uid or not aggregate.outcome_supersedes(said, record.outcome):
            return
        record.outcome = said
        record.statuses = {
            cluster: status
            for cluster, status in record.statuses.items()
            if cluster in said.expected or status.order > said.order
        }
        self._received(record, delivery, _OUTCOME_TEMPLATE)
        self._queue.add(key)

    def on_binding(self, key: OriginKey, old: Binding | None, new: Binding | None) -> None:
        """A binding changed on the hub; what is known of one that has gone is forgotten."""
        record = self._records.get(key)
        if record is None:
            return
        if new is not None:
            self._queue.add(key)
        elif old is not None and record.outcome is not None and record.outcome.origin.uid == old.metadata.uid:
            self._forget(key)

    # ---- what goes out -----------------------------------------------------------------------------------------------

    async def handle(self, key: OriginKey) -> reconcile.Outcome:
        """Brings a binding's status, and its template's, to what is known now."""
        record = self._records.get(key)
        if record is None or not self._caught_up.is_set():
            return reconcile.DONE
        outcome, binding = record.outcome, self._hub.binding(key)
        if outcome is None:
            await self._reports.refusals(s for s in record.statuses.values() if s.origin.kind == _NAMESPACE)
            return reconcile.DONE
        if outcome.deleted:
            self._forget(key)
            return reconcile.DONE
        if binding is not None and not _is_live(binding, outcome):
            return reconcile.DONE
        now = asyncio.get_running_loop().time()
        if now < record.again:
            return reconcile.After(timedelta(seconds=record.again - now))
        record.again = now + freshness.rest(len(outcome.expected))
        return await self._bring(key, record, outcome, (binding.status if binding else None) or BindingStatus())

    async def _bring(
        self, key: OriginKey, record: Record, outcome: Outcome, present: BindingStatus
    ) -> reconcile.Outcome:
        now = clock.written()
        seen = aggregate.view(outcome, record.statuses)
        wanted = aggregate.binding_status(outcome, seen, present, now)
        basis = (outcome.template, seen.template_items, seen.behind)
        if wanted == present and basis == record.aggregated:
            record.pace = freshness.clean(record.pace)
            self._held.discard(key)
            return reconcile.DONE
        pause = self._pause(key, record, seen, outcome, present)
        if pause is not None:
            return reconcile.After(pause)
        if wanted != present:
            await self._write(key, outcome, present, wanted, record.traceparent)
        if basis != record.aggregated:
            await self._templates.write(outcome, seen, record.traceparent, now)
            record.aggregated = basis
        record.pace = freshness.wrote(record.pace, settled=seen.settled, now=asyncio.get_running_loop().time())
        await self._reports.refusals(s for s in record.statuses.values() if s.template.uid == outcome.template.uid)
        return reconcile.DONE

    def _pause(
        self, key: OriginKey, record: Record, seen: aggregate.View, outcome: Outcome, present: BindingStatus
    ) -> timedelta | None:
        """How long the write is to be held back; None if not at all."""
        now = asyncio.get_running_loop().time()
        waiting = bool(seen.pending) or seen.ahead
        record.pace = freshness.notice(record.pace, waiting=waiting, outcome=outcome.order, now=now)
        lost = aggregate.is_lost(seen, present)
        patience = freshness.LOSS_PATIENCE if lost else freshness.patience(len(self._held))
        interval = freshness.interval(len(self._held))
        at = freshness.due(record.pace, settled=seen.settled, patience=patience, interval=interval)
        if at <= now:
            self._held.discard(key)
            return None
        self._held.add(key)
        return timedelta(seconds=at - now)

    async def _write(
        self, key: OriginKey, outcome: Outcome, present: BindingStatus, wanted: BindingStatus, traceparent: str
    ) -> None:
        change = merge_patch(msgspec.to_builtins(present), msgspec.to_builtins(wanted))
        body = {"metadata": {"uid": outcome.origin.uid}, "status": change}
        try:
            with telemetry.span(f"PATCH {outcome.origin.kind.lower()}s/status", parent=traceparent, kind="client"):
                await self._hub.write_binding_status(key, body)
        except errors.NotFound:
            log.debug("binding has gone", binding=key.name, namespace=key.namespace)
            return
        except errors.Conflict as error:
            raise Retry(f"another binding stands in its place: {error}") from error
        metrics.WRITES.labels("binding").inc()

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _resume(self) -> None:
        """Looks at everything once each replay is through."""
        while True:
            await self._replaying.wait()
            self._replaying.clear()
            await self._caught_up.wait()
            for key in self._records:
                self._queue.add(key)

    def _record(self, key: OriginKey) -> Record:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = Record()
            metrics.ORIGINS.set(len(self._records))
        return record

    def _forget(self, key: OriginKey) -> None:
        record = self._records.pop(key, None)
        if record is not None:
            self._reports.forget(record.statuses.values())
        self._held.discard(key)
        metrics.ORIGINS.set(len(self._records))

    def _received(self, record: Record, delivery: Delivery[Any], template: str) -> None:
        if not delivery.traceparent:
            return
        with telemetry.span(
            telemetry.messaging_name("process", template),
            parent=delivery.traceparent,
            kind="consumer",
            attributes=telemetry.messaging("process", template, delivery.subject),
        ) as span:
            record.traceparent = span.traceparent


def _is_live(binding: Binding, outcome: Outcome) -> bool:
    """Whether the outcome speaks of this very binding, and it is not being deleted."""
    return binding.metadata.uid == outcome.origin.uid and binding.metadata.deletion_timestamp is None
