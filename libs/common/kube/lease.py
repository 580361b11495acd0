"""Leadership by a `coordination.k8s.io` Lease, after client-go's leader election.

Who holds the Lease renews it. Who does not, waits until it has not changed for its whole duration, by its own clock:
the times written in it come from other machines' clocks and decide nothing. A leader that cannot renew gives up before
others may begin. Even so a process may be stopped and wake up later: what a leader writes must be fenced by
resourceVersion, or by an epoch of its own, for which `Term.annotate` is there.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import structlog

from libs.common.api.meta import ObjectMeta
from libs.common.kube import errors, holder
from libs.common.kube.client import Client
from libs.common.kube.resources import LEASES, ObjectKey

log = structlog.get_logger(__name__)

DURATION: Final = timedelta(seconds=15)
DEADLINE: Final = timedelta(seconds=10)
RETRY: Final = timedelta(seconds=2)


class Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None
    strategy: str | None = None
    preferred_holder: str | None = None


class Lease(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    api_version: str = "coordination.k8s.io/v1"
    kind: str = "Lease"
    metadata: ObjectMeta = ObjectMeta()
    spec: Spec = Spec()


class Lost(Exception):
    """Somebody else holds the Lease, or nobody knows."""


_LEASE = msgspec.json.Decoder(Lease)


class Term:
    """One time of leadership. `transitions` counts the changes of leader, and rises with each."""

    def __init__(self, candidate: "_Candidate") -> None:
        self._candidate = candidate
        self.transitions = candidate.record.spec.lease_transitions or 0

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations of the Lease, as last written or read by us."""
        return self._candidate.record.metadata.annotations or {}

    async def annotate(self, annotations: Mapping[str, str]) -> None:
        """Writes annotations into the Lease, if it is still ours. Raises Lost if it is not, KubeError if in doubt."""
        await self._candidate.annotate(annotations)


async def lead(
    api: Client,
    key: ObjectKey,
    identity: str,
    body: Callable[[Term], Awaitable[None]],
    *,
    duration: timedelta = DURATION,
    deadline: timedelta = DEADLINE,
    retry: timedelta = RETRY,
    dead: Callable[[str], bool] = holder.has_ended,
) -> None:
    """Runs `body` whenever this process holds the Lease `key`, until `body` returns.

    `identity` tells this process from all others, those before it under the same name included. When the Lease is
    lost, `body` is cancelled and the wait for leadership begins anew. When `body` ends or this call is cancelled, the
    Lease is released, so that a successor begins at once. `duration` is how long others must wait for a silent leader,
    `deadline` after how long without a renewal a leader gives up, `retry` the pause between attempts. `dead` says of an
    identity that it can never lead again, such as that of a process which ended; nobody waits for its Lease to run out.
    """
    candidate = _Candidate(api, key, identity, duration, deadline, retry, dead)
    while True:
        await candidate.acquire()
        log.info("leading", lease=f"{key.namespace}/{key.name}", identity=identity)
        try:
            await _serve(candidate, body)
            return
        except* Lost as lost:
            log.warning("leadership lost", lease=f"{key.namespace}/{key.name}", reason=str(lost.exceptions[0]))
        finally:
            await candidate.release()


async def _serve(candidate: "_Candidate", body: Callable[[Term], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(candidate.keep(), name="lease")
        await body(Term(candidate))
        renewing.cancel()


class _Candidate:
    """One contender: what it last saw of the Lease, and when by its own clock that was new to it."""

    def __init__(
        self,
        api: Client,
        key: ObjectKey,
        identity: str,
        duration: timedelta,
        deadline: timedelta,
        retry: timedelta,
        dead: Callable[[str], bool],
    ) -> None:
        self.record = Lease()
        self._api = api
        self._key = key
        self._identity = identity
        self._duration = duration
        self._deadline = deadline
        self._retry = retry
        self._dead = dead
        self._seen_at = float("-inf")
        self._writing = asyncio.Lock()

    @property
    def _holds(self) -> bool:
        return self.record.spec.holder_identity == self._identity

    async def acquire(self) -> None:
        """Waits until the Lease is ours."""
        loop = asyncio.get_running_loop()
        patience = self._patience
        while True:
            began = loop.time()
            next_at = began + self._retry.total_seconds() * (0.8 + 0.4 * random.random())
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    taken = await self._try()
                self._answered(began, patience)
                if taken:
                    return
                patience = self._patience
            except TimeoutError:
                log.debug("lease not acquired", lease=self._key.name, error=f"{self._api.origin} is silent")
                patience = self._more(patience)
            except errors.KubeError as error:
                log.debug("lease not acquired", lease=self._key.name, error=str(error))
            await asyncio.sleep(next_at - loop.time())

    async def keep(self) -> None:
        """Renews the Lease for ever. Raises Lost when it is not ours any more, or that is not known for too long."""
        loop = asyncio.get_running_loop()
        began = renewed = loop.time()
        patience, cause = self._patience, ""
        while True:
            lost_at = renewed + self._deadline.total_seconds()
            await asyncio.sleep(min(began + self._retry.total_seconds(), lost_at) - loop.time())
            began = loop.time()
            if began >= lost_at:
                raise Lost(f"no renewal in {self._deadline.total_seconds():g} s{cause}")
            try:
                async with asyncio.timeout_at(min(began + patience.total_seconds(), lost_at)):
                    await self.write()
                self._answered(began, patience)
                renewed, patience = began, self._patience
            except TimeoutError:
                patience, cause = self._more(patience), f": {self._api.origin} is silent"
            except errors.KubeError as error:
                cause = f": {error}"

    def _answered(self, began: float, patience: timedelta) -> None:
        """After a silence: what else was asked before that may never be answered either."""
        if patience > self._patience:
            self._api.forsake(began)

    @property
    def _patience(self) -> timedelta:
        return self._deadline / 4

    def _more(self, patience: timedelta) -> timedelta:
        """How long the next call may take: what is lost on its way is soon asked again, a slow server still heard."""
        return min(patience * 2, self._deadline / 2)

    async def write(self, *, annotations: Mapping[str, str] | None = None) -> None:
        """Renews the Lease, with more annotations if given. Raises Lost if somebody else has it."""
        async with self._writing:
            for attempt in (1, 2):
                if not self._holds:
                    raise Lost(f"held by {self.record.spec.holder_identity or 'nobody'}")
                spec = msgspec.structs.replace(self.record.spec, renew_time=_now())
                try:
                    await self._put(spec, annotations or {})
                    return
                except errors.Conflict:
                    # an annotation written by hand, or another holder: look
                    await self._read()
                    if attempt == 2:
                        raise

    async def annotate(self, annotations: Mapping[str, str]) -> None:
        """Writes annotations. It must not keep renewals waiting for long, so that it fails soon if nobody answers."""
        limit = (self._deadline / 2).total_seconds()
        try:
            async with asyncio.timeout(limit):
                await self.write(annotations=annotations)
        except TimeoutError:
            raise errors.Unreachable(f"{self._api.origin}: no answer in {limit:g} s") from None

    async def release(self) -> None:
        """Gives the Lease up, if it is ours, so that others need not wait for it to run out."""
        try:
            async with asyncio.timeout(self._retry.total_seconds()):
                while self._holds:
                    free = msgspec.structs.replace(
                        self.record.spec, holder_identity="", lease_duration_seconds=1, renew_time=_now()
                    )
                    try:
                        await self._put(free, {})
                    except errors.Conflict:  # a renewal that was cut off has taken place, or somebody has it already
                        await self._read()
        except (errors.KubeError, TimeoutError) as error:
            log.warning("lease not released", lease=self._key.name, error=str(error))
            self.record = Lease()

    async def _try(self) -> bool:
        try:
            await self._read()
        except errors.NotFound:
            await self._create()
            return True
        spec, now = self.record.spec, asyncio.get_running_loop().time()
        lasts = spec.lease_duration_seconds or self._duration.total_seconds()
        if self._is_alive(spec.holder_identity or "") and now < self._seen_at + lasts:
            return False
        taken = self._ours(transitions=(spec.lease_transitions or 0) + (0 if self._holds else 1))
        await self._put(taken, {})
        return True

    def _is_alive(self, holder: str) -> bool:
        return bool(holder) and not self._holds and not self._dead(holder)

    async def _create(self) -> None:
        metadata = ObjectMeta(name=self._key.name, namespace=self._key.namespace)
        lease = Lease(metadata=metadata, spec=self._ours(transitions=1))
        self._saw(await self._api.create(LEASES, lease, namespace=self._key.namespace))

    def _ours(self, *, transitions: int) -> Spec:
        now = _now()
        return Spec(
            holder_identity=self._identity,
            lease_duration_seconds=max(1, round(self._duration.total_seconds())),
            acquire_time=now,
            renew_time=now,
            lease_transitions=transitions,
        )

    async def _read(self) -> None:
        self._saw(await self._api.get(LEASES, self._key))

    async def _put(self, spec: Spec, annotations: Mapping[str, str]) -> None:
        metadata = msgspec.structs.replace(
            self.record.metadata, annotations={**(self.record.metadata.annotations or {}), **annotations}
        )
        lease = msgspec.structs.replace(self.record, metadata=metadata, spec=spec)
        self._saw(await self._api.replace(LEASES, self._key, lease))

    def _saw(self, body: bytes) -> None:
        try:
            record = _LEASE.decode(body)
        except msgspec.DecodeError as error:
            raise errors.Garbled(f"the Lease cannot be read: {error}") from error
        if record.metadata.resource_version != self.record.metadata.resource_version:
            self._seen_at = asyncio.get_running_loop().time()
        self.record = record


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
