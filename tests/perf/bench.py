"""`make bench`: what propagation costs on this machine, beside direct writes of the same objects to the same members.

Prints a table and writes bench.json. Figures of a shared machine are good as ratios, not as absolutes.
"""

import asyncio
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from libs.common.kube import resources
from libs.common.kube.client import APPLY, MERGE, Client
from libs.common.kube.resources import ObjectKey, Resource
from tests import worlds
from tests.perf import figures, load

DEPLOYMENTS: Final = Resource(group="apps", version="v1", kind="Deployment", plural="deployments")
SINGLES: Final = 200
"""Objects whose latency is taken one by one."""


class Wave(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One figure's worth of work. Times in seconds, latencies in milliseconds."""

    scenario: str
    objects: int
    seconds: float
    direct_seconds: float | None = None
    ratio: float | None = None
    """Seconds over those of direct writes."""
    p50: float | None = None
    p99: float | None = None
    hub_writes: dict[str, int] = {}
    """By Argosy alone, by verb and resource."""
    hub_writes_per_object: float = 0
    services: dict[str, figures.Cost] = {}


class Bench:
    """A fleet under measurement."""

    def __init__(self, sandbox: worlds.Sandbox, hub: Client, members: list[Client]) -> None:
        self.sandbox = sandbox
        self.hub = hub
        self.members = members
        self.pids = {s["name"]: s["pid"] for s in sandbox.status["services"]}

    async def run(self, config_maps: int, deployments: int) -> list[Wave]:
        waves = []
        for kind, resource, make, count in (
            ("ConfigMap", resources.CONFIG_MAPS, config_map, config_maps),
            ("Deployment", DEPLOYMENTS, deployment, deployments),
        ):
            namespace = f"bench-{kind.lower()}"
            await self._prepare(namespace, resource, kind)
            waves += await self._kind(kind, resource, make, count, namespace)
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

    async def _kind(
        self, kind: str, resource: Resource, make: Callable[[str, str], dict[str, Any]], count: int, namespace: str
    ) -> list[Wave]:
        arrivals = [load.Arrivals(member, resource, namespace) for member in self.members]
        async with asyncio.TaskGroup() as tasks:
            watches = [tasks.create_task(a.informer.run(), name="arrivals") for a in arrivals]
            for each in arrivals:
                await each.informer.synced.wait()
            waves = [await self._singles(kind, resource, make, namespace, arrivals)]
            waves += await self._waves(kind, resource, make, count, namespace, arrivals)
            for watch in watches:
                watch.cancel()
        return waves

    async def _singles(
        self,
        kind: str,
        resource: Resource,
        make: Callable[[str, str], dict[str, Any]],
        namespace: str,
        arrivals: list[load.Arrivals],
    ) -> Wave:
        latencies: list[float] = []

        async def all_singles() -> None:
            for number in range(SINGLES):
                name = f"single-{number}"
                began = time.perf_counter()
                await self.hub.create(resource, make(name, "1"), namespace=namespace)
                there = [await a.until(lambda seen, name=name: name in seen) for a in arrivals]
                latencies.append((max(there) - began) * 1000)

        wave = await self._measured(f"{kind}: one at a time", SINGLES, resource, all_singles, own="POST")
        return msgspec.structs.replace(
            wave,
            p50=round(figures.percentile(latencies, 50), 1),
            p99=round(figures.percentile(latencies, 99), 1),
        )

    async def _waves(
        self,
        kind: str,
        resource: Resource,
        make: Callable[[str, str], dict[str, Any]],
        count: int,
        namespace: str,
        arrivals: list[load.Arrivals],
    ) -> list[Wave]:
        names = [f"wave-{number}" for number in range(count)]

        async def burst() -> None:
            await load.together(
                [lambda n=n: self.hub.create(resource, make(n, "1"), namespace=namespace) for n in names]
            )
            for each in arrivals:
                await each.until(lambda seen: all(n in seen for n in names))

        async def update() -> None:
            patch = {"metadata": {"labels": {"wave": "2"}}, **changed(kind)}
            await load.together(
                [
                    lambda n=n: self.hub.patch(resource, ObjectKey(namespace, n), patch, content_type=MERGE)
                    for n in names
                ]
            )
            for each in arrivals:
                await each.until(lambda seen: all(seen.get(n) == "2" for n in names))

        async def delete() -> None:
            await load.together([lambda n=n: load.remove(self.hub, resource, ObjectKey(namespace, n)) for n in names])
            for each in arrivals:
                await each.until(lambda seen: not any(n in seen for n in names))

        direct = await self._direct(resource, make, names, f"{namespace}-direct", kind)
        waves = []
        for title, work, own in (("burst", burst, "POST"), ("update", update, "PATCH"), ("delete", delete, "DELETE")):
            wave = await self._measured(f"{kind}: {title} of {count}", count, resource, work, own=own)
            ratio = round(wave.seconds / direct[title], 2)
            waves.append(msgspec.structs.replace(wave, direct_seconds=round(direct[title], 2), ratio=ratio))
        return waves

    async def _direct(
        self,
        resource: Resource,
        make: Callable[[str, str], dict[str, Any]],
        names: list[str],
        namespace: str,
        kind: str,
    ) -> dict[str, float]:
        """The same objects written to each member by server-side apply, without Argosy between."""
        taken = {}
        for title, body in (
            ("burst", lambda n: make(n, "1")),
            ("update", lambda n: worlds.merged(make(n, "2"), changed(kind))),
        ):
            began = time.perf_counter()
            await load.together(
                [
                    lambda m=m, n=n, body=body: m.patch(
                        resource, ObjectKey(namespace, n), body(n), content_type=APPLY, manager="direct", force=True
                    )
                    for n in names
                    for m in self.members
                ]
            )
            taken[title] = time.perf_counter() - began
        began = time.perf_counter()
        await load.together(
            [lambda m=m, n=n: load.remove(m, resource, ObjectKey(namespace, n)) for n in names for m in self.members]
        )
        taken["delete"] = time.perf_counter() - began
        await self._quiet()
        return taken

    async def _measured(
        self, scenario: str, count: int, resource: Resource, work: Callable[[], Awaitable[None]], *, own: str
    ) -> Wave:
        await self._quiet()
        costs, written = self._costs(), await self._hub_writes()
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
            hub_writes_per_object=round(sum(by_argosy.values()) / count, 2),
            services=figures.spent(costs, self._costs()),
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

    def _costs(self) -> dict[str, figures.Cost]:
        return {name: figures.cost(pid) for name, pid in self.pids.items()}


def config_map(name: str, wave: str) -> dict[str, Any]:
    body = worlds.config_map(name, text=f"{name} in wave {wave}")
    body["metadata"]["labels"] = {"wave": wave}
    return body


def deployment(name: str, wave: str) -> dict[str, Any]:
    body = worlds.deployment(name, replicas=2, cpu="1m")
    body["metadata"]["labels"] = {"wave": wave}
    return body


def changed(kind: str) -> dict[str, Any]:
    """What the update wave changes besides the label that marks it."""
    return {"data": {"text": "changed"}} if kind == "ConfigMap" else {"spec": {"minReadySeconds": 0}}


def show(waves: list[Wave]) -> None:
    table = Table(title="Argosy on this machine; direct = server-side applies to the members by the same client")
    for title in ("scenario", "s", "direct s", "ratio", "p50 ms", "p99 ms", "hub writes/object", "CPU s", "RSS MiB"):
        table.add_column(title, justify="left" if title == "scenario" else "right")
    for w in waves:
        cpu, rss = sum(c.cpu for c in w.services.values()), sum(c.rss for c in w.services.values())
        cells = (w.seconds, w.direct_seconds, w.ratio, w.p50, w.p99, w.hub_writes_per_object, round(cpu, 1), round(rss))
        table.add_row(w.scenario, *("" if cell is None else str(cell) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


async def measure(config_maps: int, deployments: int) -> list[Wave]:
    """Runs all scenarios on a fresh sandbox."""
    with tempfile.TemporaryDirectory() as state:
        sandbox = await asyncio.to_thread(worlds.Sandbox, Path(state))
        try:
            paths = [sandbox.hub.kubeconfig, *(m.kubeconfig for m in sandbox.members.values())]
            async with load.clients(paths) as (hub, *members):
                return await Bench(sandbox, hub, members).run(config_maps, deployments)
        finally:
            await asyncio.to_thread(sandbox.down)


@click.command()
@click.option("--config-maps", default=1000, show_default=True)
@click.option("--deployments", default=300, show_default=True)
@click.option("--out", default="bench.json", show_default=True, type=click.Path(dir_okay=False, path_type=Path))
def main(config_maps: int, deployments: int, out: Path) -> None:
    """Measures propagation from the hub to three members."""
    waves = asyncio.run(measure(config_maps, deployments))
    show(waves)
    versions = {name: importlib.metadata.version(name) for name in ("argosy", "nats-py", "msgspec", "redis", "aiohttp")}
    document = {
        "waves": msgspec.to_builtins(waves),
        "nproc": os.cpu_count(),
        "versions": {"python": platform.python_version(), **versions},
    }
    out.write_text(json.dumps(document, indent=2) + "\n")
    click.echo(f"written to {out}")


if __name__ == "__main__":
    main()
