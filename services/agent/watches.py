"""Watches of managed objects: one informer for each kind that some work is about, and for no other."""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

import msgspec

from libs.common.api import wellknown
from libs.common.api.meta import ObjectMeta
from libs.common.kube.client import Client
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Order
from libs.common.names import OriginKey
from services.agent.core import identity

_LINGER: Final = timedelta(seconds=60)
"""How long a kind is still watched when no work is about it any more."""
_SYNC_LIMIT: Final = timedelta(seconds=3)


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """A managed object as it was last seen."""

    uid: str
    resource_version: str
    generation: int
    notes: int
    """A hash of labels and annotations."""
    deleting: bool
    order: Order
    raw: bytes


class _Object(msgspec.Struct, frozen=True):
    metadata: ObjectMeta


_decode = msgspec.json.Decoder(_Object).decode


def managed(raw: bytes) -> Managed:
    """The part of an object that every event needs; the rest stays bytes."""
    metadata = _decode(raw).metadata
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    return Managed(
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        generation=metadata.generation,
        notes=hash((frozenset(labels.items()), frozenset(annotations.items()))),
        deleting=metadata.deletion_timestamp is not None,
        order=identity.parse_order(annotations.get(wellknown.ORDER_ANNOTATION, "")),
        raw=raw,
    )


class _Watch:
    def __init__(self, informer: Informer[Managed], task: "asyncio.Task[None]") -> None:
        self.informer = informer
        self.task = task
        self.users: set[OriginKey] = set()
        self.ending: asyncio.TimerHandle | None = None
        self.late = False
        """It was waited for once in vain; until it has synced nobody waits again."""


class Watches:
    """Starts and ends informers as works come and go. `on_change` is called for each change of a managed object."""

    def __init__(
        self, api: Client, tasks: asyncio.TaskGroup, owner: str, on_change: Callable[[Resource, Change[Managed]], None]
    ) -> None:
        self._api = api
        self._tasks = tasks
        self._selector = f"{wellknown.OWNER_LABEL}={owner}"
        self._on_change = on_change
        self._watches: dict[Resource, _Watch] = {}
        self._used: dict[OriginKey, frozenset[Resource]] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def hold(self, user: OriginKey, resources: Collection[Resource]) -> None:
        """Says which kinds an origin's work is about now; what nobody holds is no longer watched after a while."""
        wanted = frozenset(resources)
        before = self._used.get(user, frozenset())
        if wanted == before:
            return
        for resource in wanted - before:
            self._begin(resource).users.add(user)
        for resource in before - wanted:
            self._leave(resource, user)
        if wanted:
            self._used[user] = wanted
        else:
            self._used.pop(user, None)

    def informer(self, resource: Resource) -> Informer[Managed] | None:
        watch = self._watches.get(resource)
        return watch.informer if watch is not None else None

    async def synced(self, resource: Resource) -> Informer[Managed] | None:
        """The informer of a kind, once it has its first list; None if there is none or it takes too long."""
        watch = self._watches.get(resource)
        if watch is None:
            return None
        if watch.informer.synced.is_set():
            return watch.informer
        if watch.late:
            return None
        try:
            async with asyncio.timeout(_SYNC_LIMIT.total_seconds()):
                await watch.informer.synced.wait()
        except TimeoutError:
            watch.late = True
            return None
        return watch.informer

    def seen(self, resource: Resource, key: ObjectKey) -> Managed | None:
        """The object as last seen, if it is watched and there."""
        informer = self.informer(resource)
        return informer.cache.get(key) if informer is not None else None

    def _begin(self, resource: Resource) -> _Watch:
        watch = self._watches.get(resource)
        if watch is None:
            informer = Informer(
                self._api,
                resource,
                decode=managed,
                on_change=lambda change: self._on_change(resource, change),
                label_selector=self._selector,
            )
            task = self._tasks.create_task(informer.run(), name=f"watch {resource.plural}")
            watch = self._watches[resource] = _Watch(informer, task)
        if watch.ending is not None:
            watch.ending.cancel()
            watch.ending = None
        return watch

    def _leave(self, resource: Resource, user: OriginKey) -> None:
        watch = self._watches[resource]
        watch.users.discard(user)
        if not watch.users and watch.ending is None:
            loop = asyncio.get_running_loop()
            watch.ending = loop.call_later(_LINGER.total_seconds(), self._end, resource)

    def _end(self, resource: Resource) -> None:
        self._watches.pop(resource).task.cancel()
