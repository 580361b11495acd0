"""Tells the hub's side what became of works: status messages, and `gone` for what was ordered away."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import structlog

from libs.common import telemetry
from libs.common.api.meta import Template
from libs.common.bus import Bus, TooLarge
from libs.common.interpreter import registry
from libs.common.interpreter.typed import InterpretError
from libs.common.messages import Gone, Work, WorkStatus
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, Outcome, Queue
from services.agent import metrics
from services.agent.core import status
from services.agent.core.effects import Effects
from services.agent.core.identity import Identity
from services.agent.core.status import Reflected, Result
from services.agent.core.table import Table
from services.agent.progress import Progress
from services.agent.receipts import Receipts

log = structlog.get_logger()

_STATUS: Final = "status.{cluster}.{namespace}.{binding}"
_GONE: Final = "gone.{cluster}.{namespace}.{binding}"

_decode = msgspec.json.Decoder(dict).decode


class Statuses:
    """One message per object and change, at most one per `interval`: the first at once, and the last always.

    `look` gives the bytes of the object that a work is about, as last seen; None if it is not there or not watched.
    """

    def __init__(
        self,
        me: Identity,
        connection: Bus,
        table: Table,
        effects: Effects,
        look: Callable[[Work], bytes | None],
        interval: timedelta,
        receipts: Receipts,
    ) -> None:
        self._me = me
        self._bus = connection
        self._table = table
        self._effects = effects
        self._look = look
        self._interval = interval.total_seconds()
        self._receipts = receipts
        self._progress: dict[OriginKey, Progress] = {}
        self._sent: dict[OriginKey, tuple[float, bytes]] = {}
        """When the last message about each origin went out, and a digest of what it said."""
        self.queue: Queue[OriginKey] = Queue()

    def progress(self, key: OriginKey) -> Progress:
        """How far the agent has come with an origin."""
        found = self._progress.get(key)
        if found is None:
            found = self._progress[key] = Progress()
        return found

    def taken(self, key: OriginKey, work: Work, traceparent: str, *, fresh: bool) -> None:
        """A work has come in; `fresh` if not by a replay."""
        self._effects.taken(key, work.order)
        progress = self.progress(key)
        progress.cause, progress.fresh = traceparent, fresh

    def tried(self, key: OriginKey, work: Work, written_at: float | None = None) -> None:
        """A work was attempted; `written_at` (of the loop's clock) if that changed a workload."""
        self._effects.tried(key, work.order, written_at)

    def found(self, key: OriginKey, work: Work, result: Result) -> None:
        """Records what became of a work, and has it reported."""
        self.progress(key).result = result
        self._effects.tried(key, work.order, None)
        self._table.stands(key, work, result.applied is not False)
        self.mark(key)

    def forget(self) -> None:
        """Before a replay: which works are outstanding is not known any more."""
        self._effects.forget()

    def drop(self, key: OriginKey) -> None:
        """There is no work of that origin any more."""
        self._progress.pop(key, None)
        self._sent.pop(key, None)

    def mark(self, key: OriginKey) -> None:
        """Says that there may be something new to tell of an origin."""
        sent = self._sent.get(key)
        pause = sent[0] + self._interval - asyncio.get_running_loop().time() if sent is not None else 0.0
        if pause <= 0:
            self.queue.add(key)
        else:
            self.queue.add_after(key, timedelta(seconds=pause))

    def tell_all_again(self) -> None:
        """The stream has lost what it was told."""
        self._sent.clear()
        for key in self._table.works:
            self.queue.add(key)

    async def __call__(self, key: OriginKey) -> Outcome:
        """Sends the status of one origin's work if it says anything new. Raises BusError."""
        work, progress = self._table.works.get(key), self.progress(key)
        if work is None or work.op == "delete" or progress.result is None or progress.result.order > work.order:
            return DONE
        raw = self._look(work) if progress.result.applied is not False else None
        if raw is None and progress.result.applied and progress.told == progress.result:
            # it was deleted by hand and is being made again: what was last told of it holds until then
            return DONE
        report = status.report(work, self._me, progress.result, _decode(raw) if raw is not None else None, _reflect)
        said = hashlib.blake2b(msgspec.json.encode(report), digest_size=16).digest()
        sent = self._sent.get(key)
        if sent is not None and sent[1] == said:
            return DONE
        result = progress.result
        try:
            await self._send_status(key, report, progress)
        except TooLarge as error:
            log.warning("status is too large to be told", cluster=self._me.cluster, origin=key, error=str(error))
        progress.told = result
        self._sent[key] = (asyncio.get_running_loop().time(), said)
        return DONE

    async def gone(self, work: Work, key: OriginKey, progress: Progress) -> None:
        """Reports what of a work's removals is done. Raises BusError."""
        message = Gone(
            hub_uid=self._me.hub_uid,
            cluster=self._me.cluster,
            cluster_uid=self._me.cluster_uid,
            origin=work.origin,
            order=work.order,
            removed=list(progress.gone),
            preserved=progress.released,
        )
        subject = self._bus.subjects.gone(self._me.cluster, key)
        self._sent.pop(key, None)
        self._receipts.drop(self._bus.subjects.status(self._me.cluster, key))
        await self._send(subject, _GONE, message, progress.traceparent)

    async def _send_status(self, key: OriginKey, report: WorkStatus, progress: Progress) -> None:
        subject = self._bus.subjects.status(self._me.cluster, key)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = msgspec.structs.replace(report, observed_at=now)
        self._receipts.took(subject, await self._send(subject, _STATUS, message, progress.traceparent))

    async def _send(self, subject: str, template: str, message: WorkStatus | Gone, parent: str) -> int:
        name = telemetry.messaging_name("publish", template)
        attributes = telemetry.messaging("publish", template, subject)
        with telemetry.span(name, parent=parent, kind="producer", attributes=attributes) as span:
            seq = await self._bus.publish(subject, message, traceparent=span.traceparent)
        metrics.PUBLISHED.labels(self._me.cluster, template.partition(".")[0]).inc()
        return seq


def _reflect(observed: Template) -> Reflected:
    behind = registry.is_behind(observed)
    try:
        reflected = registry.reflect_status(observed)
    except InterpretError as error:
        log.debug("status cannot be interpreted", kind=observed.get("kind"), error=str(error))
        return Reflected(behind=behind)
    return Reflected(status=reflected, health=registry.health(observed), behind=behind)
