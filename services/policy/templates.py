"""Watches on the kinds of objects that policies select, and on no others.

Which kinds those are changes with policies, bindings and CRDs. A kind that is wanted but not served is asked for again
when CRDs change, and every now and then. Only the preferred version of a group is watched, so that each object is seen
once (as in Karmada).
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import structlog

from libs.common.kube import discovery
from libs.common.kube.client import Client
from libs.common.kube.errors import KubeError, NotFound
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey, Resource, version_number
from services.policy import metrics
from services.policy.core import template
from services.policy.core.exclusions import Exclusions
from services.policy.core.template import Template, TemplateKey

log = structlog.get_logger(__name__)

Kind = tuple[str, str]
"""(group, kind)"""

_NEEDED_VERBS = frozenset({"list", "watch"})
_LOOK_AGAIN = timedelta(seconds=30)
_DISCOVER_AGAIN = timedelta(seconds=1)
_PATIENCE = timedelta(seconds=5)
"""How long the first read of a kind may take before that is told."""


class Templates:
    """The informers of template kinds.

    Args:
        wanted: the kinds that are needed now, as (group, kind).
        on_change: told of each change that a user can have made, with the state before and after.
        on_synced: told when a kind has been listed.
        on_unreadable: told of a kind that cannot be listed, and why.
        on_went_back: told when the hub shows an earlier history: up to which version it was known, and where it is.
    """

    def __init__(
        self,
        api: Client,
        *,
        wanted: Callable[[], set[Kind]],
        excluded: Exclusions,
        on_change: Callable[[TemplateKey, Template | None, Template | None], None],
        on_synced: Callable[[Kind], None],
        on_unreadable: Callable[[Kind, str], None],
        on_went_back: Callable[[int, int], None],
    ) -> None:
        self._api = api
        self._wanted = wanted
        self._excluded = excluded
        self._on_change = on_change
        self._on_synced = on_synced
        self._on_unreadable = on_unreadable
        self._on_went_back = on_went_back
        self._served: dict[Kind, Resource] = {}
        self._watched: dict[Kind, Informer[Template]] = {}
        self._running: dict[Kind, asyncio.Task[None]] = {}
        self._dirty = asyncio.Event()
        self._stale = True
        self._observing = False
        self.looked = asyncio.Event()
        """Set once the first look has started a watch for each kind that was wanted and served."""

    # ---- look-ups ----

    def get(self, key: TemplateKey) -> Template | None:
        informer = self._watched.get((key.group, key.kind))
        return informer.cache.get(ObjectKey(key.namespace, key.name)) if informer is not None else None

    def of_kind(self, kind: Kind) -> Iterable[Template]:
        informer = self._watched.get(kind)
        return informer.cache.values() if informer is not None else ()

    def kinds(self) -> Iterator[Kind]:
        return iter(tuple(self._watched))

    def watches(self, kind: Kind) -> bool:
        return kind in self._watched

    def synced(self, kind: Kind) -> bool:
        """Whether the absence of an object means anything."""
        informer = self._watched.get(kind)
        return informer is not None and informer.synced.is_set()

    def resource(self, kind: Kind) -> Resource | None:
        informer = self._watched.get(kind)
        return informer.resource if informer is not None else self._served.get(kind)

    def highest_version(self) -> int:
        """The highest resourceVersion that any of these watches has shown."""
        return max((version_number(i.resource_version) for i in self._watched.values()), default=0)

    async def all_synced(self, limit: timedelta) -> None:
        """Waits until each kind that is watched now has been listed; a kind that takes longer holds up nobody else."""
        await self.looked.wait()
        try:
            async with asyncio.timeout(limit.total_seconds()):
                for informer in list(self._watched.values()):
                    await informer.synced.wait()
        except TimeoutError:
            log.warning("kinds that cannot be read yet", kinds=[k for k in self._watched if not self.synced(k)])

    async def live(self, key: TemplateKey) -> Template | None:
        """Reads an object from the hub itself. Raises KubeError if the hub does not say whether it is there."""
        resource = self._watched[key.group, key.kind].resource
        try:
            raw = await self._api.get(resource, ObjectKey(key.namespace, key.name))
        except NotFound as missing:
            if missing.of_kind:
                raise
            return None
        return template.read(raw)

    def observe(self, key: TemplateKey, body: bytes) -> None:
        """Feeds a write's answer back, so that the next look-up sees it. What we wrote ourselves is no change."""
        informer = self._watched.get((key.group, key.kind))
        if informer is not None:
            self._observing = True
            try:
                informer.observe(body)
            finally:
                self._observing = False

    # ---- which kinds ----

    def refresh(self, *, discover: bool = False) -> None:
        """Looks again which kinds are wanted; with `discover` also which are served."""
        self._stale = self._stale or discover
        self._dirty.set()

    async def run(self) -> None:
        """Starts and stops watches until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._dirty.set()
            while True:
                try:
                    async with asyncio.timeout(_LOOK_AGAIN.total_seconds()):
                        await self._dirty.wait()
                except TimeoutError:
                    self._stale = self._stale or bool(self._missing())
                self._dirty.clear()
                await self._look(tasks)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        wanted = {kind for kind in self._wanted() if not self._excluded.group(kind[0])}
        if self._stale or wanted - self._served.keys():
            await self._discover()
        for kind in wanted & self._served.keys():
            if kind not in self._watched or self._watched[kind].resource != self._served[kind]:
                self._stop(kind)
                self._start(kind, tasks)
        for kind in [k for k in self._watched if k not in self._served or (k not in wanted and not self._claimed(k))]:
            self._stop(kind)
        metrics.WATCHED.set(len(self._watched))
        if not self._stale:
            self.looked.set()

    async def _discover(self) -> None:
        try:
            served = await discovery.discover(self._api)
        except KubeError as error:
            log.warning("the hub does not say what it serves", error=str(error))
            asyncio.get_running_loop().call_later(_DISCOVER_AGAIN.total_seconds(), self._dirty.set)
            return
        self._stale = False
        # a group that does not answer now is not gone
        unknown = {kind: r for kind, r in self._served.items() if f"{r.group}/{r.version}" in served.failed}
        self._served = unknown | {
            (r.group, r.kind): r
            for r in discovery.preferred(served.resources)
            if set(r.verbs) >= _NEEDED_VERBS and not self._excluded.kind(r.group, r.api_version, r.kind)
        }

    def _missing(self) -> set[Kind]:
        return self._wanted() - self._served.keys()

    def _claimed(self, kind: Kind) -> bool:
        """Whether claims of this kind still have to be taken away."""
        return any(template.is_claimed(t) for t in self.of_kind(kind))

    def _start(self, kind: Kind, tasks: asyncio.TaskGroup) -> None:
        informer: Informer[Template] = Informer(
            self._api,
            self._served[kind],
            decode=template.read,
            on_change=self._changed,
            on_went_back=self._on_went_back,
        )
        self._watched[kind] = informer
        self._running[kind] = tasks.create_task(self._watch(kind, informer), name=f"watch {kind[1]}.{kind[0]}")

    def _stop(self, kind: Kind) -> None:
        self._watched.pop(kind, None)
        running = self._running.pop(kind, None)
        if running is not None:
            running.cancel()

    async def _watch(self, kind: Kind, informer: Informer[Template]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(informer.run(), name="watch")
            try:
                async with asyncio.timeout(_PATIENCE.total_seconds()):
                    await informer.synced.wait()
            except TimeoutError:
                self._on_unreadable(kind, informer.failure)
                await informer.synced.wait()
            self._on_synced(kind)

    def _changed(self, change: Change[Template]) -> None:
        old, new = change.old, change.new
        seen = new or old
        if seen is None or self._excluded.object(seen.kind, seen.metadata):
            return
        if old is not None and new is not None and template.same_to_users(old, new, but_claims=self._observing):
            return
        self._on_change(seen.key, old, new)
