"""Records core v1 Events: what `kubectl describe` shows at the end, for people.

Recording never delays who records: it notes the event and one task writes. Repetitions become a count on one Event, one
object gets a burst of events and then a few an hour, and what does not fit is dropped and counted.
"""

import asyncio
import hashlib
import socket
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import prometheus_client
import structlog

from libs.common.api.work import ObjectReference
from libs.common.kube import errors
from libs.common.kube.client import Client
from libs.common.kube.resources import EVENTS, ObjectKey

log = structlog.get_logger(__name__)

DROPPED: Final = prometheus_client.Counter(
    "argosy_events_dropped_total", "Kubernetes Events that were not written: limit, full queue, refusal.", ["why"]
)

Type = Literal["Normal", "Warning"]

_WAITING = 1000
_REMEMBERED = 4096
_BURST = 25
_REFILL: Final = timedelta(minutes=5)
_LONGEST_MESSAGE = 1024


class _Key(NamedTuple):
    regarding: tuple[str, str, str, str]
    type: str
    reason: str
    message: str


class _Pending(NamedTuple):
    regarding: ObjectReference
    times: int
    first: datetime
    last: datetime


class _Written(NamedTuple):
    key: ObjectKey
    times: int


class _Allowance(NamedTuple):
    tokens: float
    at: float


class Recorder:
    """Writes the events of one component; `run` must run beside whoever records."""

    def __init__(self, api: Client, component: str) -> None:
        self._api = api
        self._component = component
        self._host = socket.gethostname()
        self._pending: OrderedDict[_Key, _Pending] = OrderedDict()
        self._written: OrderedDict[_Key, _Written] = OrderedDict()
        self._allowances: OrderedDict[tuple[str, str, str, str], _Allowance] = OrderedDict()
        self._wake = asyncio.Event()

    async def record(self, regarding: ObjectReference, type: Type, reason: str, message: str) -> None:
        """Notes an event about an object. Never waits and never fails; what there is no room for is dropped."""
        subject = (regarding.api_version, regarding.kind, regarding.namespace, regarding.uid or regarding.name)
        key = _Key(subject, type, reason, message[:_LONGEST_MESSAGE])
        now = datetime.now(UTC)
        known = self._pending.get(key)
        if known is not None:
            self._pending[key] = known._replace(times=known.times + 1, last=now)
        elif len(self._pending) >= _WAITING:
            DROPPED.labels("queue").inc()
        elif not self._allowed(subject):
            DROPPED.labels("limit").inc()
        else:
            self._pending[key] = _Pending(regarding, 1, now, now)
            self._wake.set()

    async def run(self) -> None:
        """Writes what is recorded, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                key, pending = self._pending.popitem(last=False)
                try:
                    await self._write(key, pending)
                except errors.KubeError as error:
                    DROPPED.labels("refused").inc()
                    log.warning("event not written", reason=key.reason, about=pending.regarding.name, error=str(error))

    def _allowed(self, subject: tuple[str, str, str, str]) -> bool:
        """Takes one from the object's allowance, which refills with time."""
        now = asyncio.get_running_loop().time()
        tokens, at = self._allowances.pop(subject, _Allowance(_BURST, now))
        tokens = min(_BURST, tokens + (now - at) / _REFILL.total_seconds())
        allowed = tokens >= 1
        self._allowances[subject] = _Allowance(tokens - 1 if allowed else tokens, now)
        if len(self._allowances) > _REMEMBERED:
            self._allowances.popitem(last=False)
        return allowed

    async def _write(self, key: _Key, pending: _Pending) -> None:
        written = self._written.pop(key, None)
        if written is not None:
            count = written.times + pending.times
            change = {"count": count, "lastTimestamp": _seconds(pending.last)}
            try:
                await self._api.patch(EVENTS, written.key, change, manager=self._component)
            except errors.NotFound:  # events live for an hour
                pass
            else:
                self._remember(key, _Written(written.key, count))
                return
        event = self._event(key, pending)
        name = ObjectKey(event["metadata"]["namespace"], event["metadata"]["name"])
        await self._api.create(EVENTS, event, namespace=name.namespace, manager=self._component)
        self._remember(key, _Written(name, pending.times))

    def _remember(self, key: _Key, written: _Written) -> None:
        self._written[key] = written
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def _event(self, key: _Key, pending: _Pending) -> dict[str, Any]:
        regarding = pending.regarding
        moment = hashlib.sha256(f"{key}{pending.first.timestamp()}".encode()).hexdigest()[:16]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{regarding.name[:200]}.{moment}", "namespace": regarding.namespace or "default"},
            "involvedObject": regarding,
            "type": key.type,
            "reason": key.reason,
            "message": key.message,
            "count": pending.times,
            "firstTimestamp": _seconds(pending.first),
            "lastTimestamp": _seconds(pending.last),
            "source": {"component": self._component, "host": self._host},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }


def _seconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
