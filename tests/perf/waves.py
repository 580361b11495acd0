"""What is measured: single objects and waves of them, on a fleet that does nothing else."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from libs.common.kube import resources
from libs.common.kube.client import APPLY, MERGE, Client
from libs.common.kube.resources import ObjectKey, Resource
from tests import worlds
from tests.perf import figures, load

T = TypeVar("T")


def config_map(name: str, wave: str) -> dict[str, Any]:
    """A small one, marked as of that wave."""
    body = worlds.config_map(name, text=f"{name} in wave {wave}")
    body["metadata"]["labels"] = {"wave": wave}
    return body


def deployment(name: str, wave: str) -> dict[str, Any]:
    """Two replicas that ask for next to nothing, marked as of that wave."""
    body = worlds.deployment(name, replicas=2, cpu="1m")
    body["metadata"]["labels"] = {"wave": wave}
    return body


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of object that waves are made of."""

    name: str
    resource: Resource
    make: Callable[[str, str], dict[str, Any]]
    """From name and wave to the object."""
    change: dict[str, Any]
    """What the update wave changes besides the label that marks it."""
    replicas: int = 0
    """Pods of each in each member; 0: it has no status."""


CONFIG_MAP: Final = Kind(
    name="ConfigMap", resource=resources.CONFIG_MAPS, make=config_map, change={"data": {"text": "changed"}}
)
DEPLOYMENT: Final = Kind(
    name="Deployment",
    resource=Resource(group="apps", version="v1", kind="Deployment", plural="deployments"),
    make=deployment,
    change={"spec": {"minReadySeconds": 0}},
    replicas=2,
)


class Wave(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One scenario. Times in seconds, latencies in milliseconds."""

    scenario: str
    objects: int
    seconds: float
    direct_seconds: float | None = None
    ratio: float | None = None
    """Seconds, until the last object is in the last member, over those of direct writes."""
    p50: float | None = None
    p99: float | None = None
    hub_writes: dict[str, int] = {}
    """By Argosy alone, by verb and resource."""
    hub_writes_per_object: float = 0
    """Without the status of clusters, which is no object's."""
    cpu: dict[str, float] = {}
    """Seconds, by service, until the last status of the wave was written."""
    rss: dict[str, float] = {}
    """MiB, by service, afterwards."""
    beside: dict[str, float] = {}
    """CPU seconds of what is no service of ours: API servers, NATS, Redis, and this client."""


class Bench:
    """A fleet under measurement."""

    def __init__(self, sandbox: worlds.Sandbox, hub: Client, members: list[Client]) -> None:
        self.sandbox = sandbox
        self.hub = hub
        self.members = members
        self.services = {s["name"]: s["pid"] for s in sandbox.status["services"]}
        embedded = json.loads(next(sandbox.state.rglob("sandbox.json")).read_text())
        self.beside = {
            "api-servers": embedded["pid"],
            "nats": sandbox.status["nats"]["pid"],
            "redis": sandbox.status["redis"]["pid"],
            "client": os.getpid(),
        }

    async def run(self, config_maps: int, deployments: int, singles: int) -> list[Wave]:
        """All scenarios, one after the other, each on a fleet that has come to rest."""
        waves = []
        for kind, count in ((CONFIG_MAP, config_maps), (DEPLOYMENT, deployments)):
            namespace = f"bench-{kind.name.lower()}"
            await self._prepare(namespace, kind.resource, kind.name)
            waves += await self._kind(kind, count, singles, namespace)
        return waves

    async def _prepare(self, namespace: str, resource: Resource, kind: str) -> None:
        """A namespace in hub and members, another for direct writes in the members alone, and one policy."""
        await self.hub.create(resources.NAMESPACES, worlds.namespace(namespace))
        for member in self.members:
            await member.create(resources.NAMESPACES, worlds.namespace(f"{namespace}-direct"))
        marked = {"matchExpressions": [{"key": "wave", "operator": "Exists"}]}
        selector = {"apiVersion": resource.api_version, "kind": kind, "labelSelector": marked}
        policy = worlds.policy("bench", selector, placement=worlds.duplicated())
        await self.hub.create(resources.PROPAGATION_POLICIES, policy, namespace=namespace)
        for member in self.sandbox.members.values():
            await asyncio.to_thread(
                worlds.until, lambda m=member: m.object("namespaces", namespace), what=f"{namespace} in {member.name}"
            )

    async def _kind(self, kind: Kind, count: int, singles: int, namespace: str) -> list[Wave]:
        arrivals = [load.Arrivals(member, kind.resource, namespace) for member in self.members]
        finals = load.Finals(self.hub, kind.resource, namespace, replicas=kind.replicas)
        waves = [
            await self._watching(arrivals, finals, lambda: self._singles(kind, singles, namespace, arrivals, finals))
        ]
        # the bench's own watch on the hub is over by now: nobody else would have it
        return waves + await self._watching(arrivals, None, lambda: self._waves(kind, count, namespace, arrivals))

    async def _watching(
        self, arrivals: list[load.Arrivals], finals: load.Finals | None, work: Callable[[], Awaitable[T]]
    ) -> T:
        informers = [a.informer for a in arrivals] + (finals.informers if finals is not None else [])
        async with asyncio.TaskGroup() as tasks:
            watches = [tasks.create_task(informer.run(), name="watch") for informer in informers]
            for informer in informers:
                await informer.synced.wait()
            done = await work()
            for watch in watches:
                watch.cancel()
        return done

    async def _singles(
        self, kind: Kind, count: int, namespace: str, arrivals: list[load.Arrivals], finals: load.Finals
    ) -> Wave:
        """One object at a time on an idle fleet: the next comes when the last status of the one before is there."""
        latencies: list[float] = []

        async def one_by_one() -> None:
            for number in range(count):
                name = f"single-{number}"
                began = time.perf_counter()
                await self.hub.create(kind.resource, kind.make(name, "single"), namespace=namespace)
                there = [await a.until(lambda seen, name=name: name in seen.names) for a in arrivals]
                latencies.append((max(there) - began) * 1000)
                await finals.of(namespace, name, len(self.members))

        wave = await self._measured(f"{kind.name}: one at a time", count, kind.resource, one_by_one, own="POST")
        return msgspec.structs.replace(
            wave,
            p50=round(figures.percentile(latencies, 50), 1),
            p99=round(figures.percentile(latencies, 99), 1),
        )

    async def _waves(self, kind: Kind, count: int, namespace: str, arrivals: list[load.Arrivals]) -> list[Wave]:
        """Each wave beside the same one written directly, right before it: the machine may change its mind."""
        resource, names = kind.resource, [f"wave-{number}" for number in range(count)]

        async def burst() -> None:
            await load.together(
                [lambda n=n: self.hub.create(resource, kind.make(n, "1"), namespace=namespace) for n in names]
            )
            for each in arrivals:
                await each.until(lambda seen: seen.waves["1"] == count)

        async def update() -> None:
            patch = {"metadata": {"labels": {"wave": "2"}}, **kind.change}
            await load.together(
                [
                    lambda n=n: self.hub.patch(resource, ObjectKey(namespace, n), patch, content_type=MERGE)
                    for n in names
                ]
            )
            for each in arrivals:
                await each.until(lambda seen: seen.waves["2"] == count)

        async def delete() -> None:
            await load.together([lambda n=n: load.remove(self.hub, resource, ObjectKey(namespace, n)) for n in names])
            for each in arrivals:
                await each.until(lambda seen: not seen.waves["2"])

        waves = []
        for title, work, own in (("burst", burst, "POST"), ("update", update, "PATCH"), ("delete", delete, "DELETE")):
            direct = await self._direct(title, kind, names, f"{namespace}-direct")
            wave = await self._measured(f"{kind.name}: {title} of {count}", count, resource, work, own=own)
            ratio = round(wave.seconds / direct, 2)
            waves.append(msgspec.structs.replace(wave, direct_seconds=round(direct, 2), ratio=ratio))
        return waves

    async def _direct(self, title: str, kind: Kind, names: list[str], namespace: str) -> float:
        """Seconds for the same objects written to each member by server-side apply, without Argosy between."""
        await self._quiet()
        bodies = {
            "burst": lambda n: kind.make(n, "1"),
            "update": lambda n: worlds.merged(kind.make(n, "2"), kind.change),
        }

        async def one(member: Client, name: str) -> None:
            if title == "delete":
                await load.remove(member, kind.resource, ObjectKey(namespace, name))
                return
            body, key = bodies[title](name), ObjectKey(namespace, name)
            await member.patch(kind.resource, key, body, content_type=APPLY, manager="direct", force=True)

        began = time.perf_counter()
        await load.together([lambda m=m, n=n: one(m, n) for n in names for m in self.members])
        return time.perf_counter() - began

    async def _measured(
        self, scenario: str, count: int, resource: Resource, work: Callable[[], Awaitable[None]], *, own: str
    ) -> Wave:
        await self._quiet()
        written = await self._hub_writes()
        before, beside = figures.costs(self.services), figures.costs(self.beside)
        began = time.perf_counter()
        await work()
        seconds = time.perf_counter() - began
        await self._quiet()
        writes = await self._hub_writes() - written
        writes[f"{own} {resource.plural}"] -= count
        by_argosy = {
            what: n for what, n in sorted(writes.items()) if n > 0 and "leases" not in what and "events" not in what
        }
        return Wave(
            scenario=scenario,
            objects=count,
            seconds=round(seconds, 2),
            hub_writes=by_argosy,
            hub_writes_per_object=round(sum(n for what, n in by_argosy.items() if "clusters" not in what) / count, 2),
            cpu=figures.spent(before, after := figures.costs(self.services)),
            rss={name: round(cost.rss, 1) for name, cost in after.items()},
            beside=figures.spent(beside, figures.costs(self.beside)),
        )

    async def _quiet(self) -> None:
        """Waits until the hub has seen no write for two seconds: status comes after the objects."""
        last = await self._hub_writes()
        while True:
            await asyncio.sleep(2)
            now = await self._hub_writes()
            if sum((now - last).values()) <= 4:
                return
            last = now

    async def _hub_writes(self) -> Counter[str]:
        return figures.writes((await self.hub.raw("GET", "/metrics")).decode())
