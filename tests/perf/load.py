"""Load on API servers: many writes at once, and the moment when each object has arrived everywhere."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from libs.common.api.meta import PartialObject
from libs.common.api.work import ResourceBinding
from libs.common.kube import credentials, resources
from libs.common.kube.client import Client
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey, Resource

CONCURRENCY = 16
PATIENCE = 300.0


class Arrivals:
    """Watches one kind in one namespace of a cluster, and tells when a state of an object was first seen there.

    The waiting itself must cost little: it happens on the machine that is measured.
    """

    def __init__(self, api: Client, resource: Resource, namespace: str) -> None:
        self.informer = Informer(
            api,
            resource,
            decode=msgspec.json.Decoder(PartialObject).decode,
            on_change=self._changed,
            namespace=namespace,
        )
        self.names: set[str] = set()
        """Of the objects that are there."""
        self.waves: Counter[str] = Counter()
        """How many objects have which value of the label `wave`."""
        self._moved = asyncio.Event()

    def _changed(self, change: Change[PartialObject]) -> None:
        if change.old is not None:
            self.waves[_wave(change.old)] -= 1
        if change.new is not None:
            self.waves[_wave(change.new)] += 1
            self.names.add(change.key.name)
        else:
            self.names.discard(change.key.name)
        self._moved.set()

    async def until(self, condition: Callable[["Arrivals"], bool]) -> float:
        """The moment at which the condition first held."""
        return await _until(self._moved, lambda: condition(self))


class Finals:
    """Watches on the hub which objects have their final status: that of the binding, and the object's own if it has
    one."""

    def __init__(self, hub: Client, resource: Resource, namespace: str, *, replicas: int) -> None:
        self._replicas = replicas
        self._moved = asyncio.Event()
        self._bindings: Informer[ResourceBinding] = Informer(
            hub,
            resources.RESOURCE_BINDINGS,
            decode=msgspec.json.Decoder(ResourceBinding).decode,
            on_change=lambda _: self._moved.set(),
            namespace=namespace,
        )
        self._objects: Informer[dict[str, Any]] = Informer(
            hub,
            resource,
            decode=msgspec.json.Decoder(dict[str, Any]).decode,
            on_change=lambda _: self._moved.set(),
            namespace=namespace,
        )
        self._kind = resource.kind.lower()
        self.informers: list[Informer[Any]] = [self._bindings, self._objects]

    async def of(self, namespace: str, name: str, members: int) -> None:
        """Waits until nothing more will be said of an object that does not change."""
        await _until(self._moved, lambda: self._is_final(namespace, name, members))

    def _is_final(self, namespace: str, name: str, members: int) -> bool:
        binding = self._bindings.cache.get(ObjectKey(namespace, f"{name}-{self._kind}"))
        if binding is None or binding.status is None:
            return False
        told = binding.status.aggregated_status or []
        if len(told) != members or not all(item.applied for item in told):
            return False
        if not self._replicas:
            return True
        status = (self._objects.cache.get(ObjectKey(namespace, name)) or {}).get("status") or {}
        healthy = all(item.health == "Healthy" for item in told)
        return healthy and status.get("readyReplicas") == self._replicas * members


async def _until(moved: asyncio.Event, condition: Callable[[], bool]) -> float:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            moved.clear()
            await moved.wait()
    return time.perf_counter()


def _wave(obj: PartialObject) -> str:
    return (obj.metadata.labels or {}).get("wave", "")


@asynccontextmanager
async def clients(kubeconfigs: Iterable[str]) -> AsyncIterator[list[Client]]:
    """A client for each API server."""
    opened = [Client(credentials.from_kubeconfig(path), user_agent="argosy-bench") for path in kubeconfigs]
    for client in opened:
        await client.__aenter__()
    try:
        yield opened
    finally:
        for client in opened:
            await client.__aexit__(None, None, None)


async def together(work: Sequence[Callable[[], Awaitable[object]]], concurrency: int = CONCURRENCY) -> None:
    """Does all of it, so many at a time."""
    queue = list(reversed(work))

    async def worker() -> None:
        while queue:
            await queue.pop()()

    async with asyncio.TaskGroup() as tasks:
        for number in range(min(concurrency, len(work))):
            tasks.create_task(worker(), name=f"load {number}")


async def remove(api: Client, resource: Resource, key: ObjectKey) -> None:
    """Deletes in the background, as kubectl does."""
    await api.delete(resource, key)
