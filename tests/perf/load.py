"""Load on API servers: many writes at once, and the moment when each object has arrived everywhere."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec

from libs.common.api.meta import PartialObject
from libs.common.kube import credentials
from libs.common.kube.client import Client
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey, Resource

CONCURRENCY = 16
PATIENCE = 300.0


class Arrivals:
    """Watches one kind in one namespace of a cluster, and tells when a state of an object was first seen there."""

    def __init__(self, api: Client, resource: Resource, namespace: str) -> None:
        self.informer = Informer(
            api,
            resource,
            decode=msgspec.json.Decoder(PartialObject).decode,
            on_change=self._changed,
            namespace=namespace,
        )
        self.versions: dict[str, str] = {}
        """Value of the label `wave` by object name; absent: not there."""
        self._moved = asyncio.Event()

    def _changed(self, change: Change[PartialObject]) -> None:
        if change.new is None:
            self.versions.pop(change.key.name, None)
        else:
            self.versions[change.key.name] = (change.new.metadata.labels or {}).get("wave", "")
        self._moved.set()

    async def until(self, condition: Callable[[dict[str, str]], bool]) -> float:
        """The moment at which the condition on name -> wave first held."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self.versions):
                self._moved.clear()
                await self._moved.wait()
        return time.perf_counter()


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
