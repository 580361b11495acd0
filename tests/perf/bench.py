"""`make bench`: what propagation costs on this machine, beside direct writes of the same objects to the same members.

Prints a table and writes bench.json. Figures of a shared machine are good as ratios, not as absolutes; what they are
made of stands in docs/performance.md.
"""

import asyncio
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from tests import worlds
from tests.perf import load
from tests.perf.waves import Bench, Wave


def show(waves: list[Wave]) -> None:
    table = Table(title="Argosy on this machine; direct = server-side applies to the members by the same client")
    for title in (
        "scenario",
        "s",
        "direct s",
        "ratio",
        "p50 ms",
        "p99 ms",
        "hub writes/object",
        "CPU s",
        "beside",
        "RSS MiB",
    ):
        table.add_column(title, justify="left" if title == "scenario" else "right")
    for w in waves:
        cpu, beside, rss = (sum(by.values()) for by in (w.cpu, w.beside, w.rss))
        cells = (w.seconds, w.direct_seconds, w.ratio, w.p50, w.p99, w.hub_writes_per_object)
        cells = (*cells, round(cpu, 1), round(beside, 1), round(rss))
        table.add_row(w.scenario, *("" if cell is None else str(cell) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


async def measure(config_maps: int, deployments: int, singles: int) -> dict[str, Any]:
    """Runs all scenarios on a fresh sandbox, and answers the document that bench.json holds."""
    with tempfile.TemporaryDirectory() as state:
        sandbox = await asyncio.to_thread(worlds.Sandbox, Path(state))
        try:
            paths = [sandbox.hub.kubeconfig, *(m.kubeconfig for m in sandbox.members.values())]
            async with load.clients(paths) as (hub, *members):
                waves = await Bench(sandbox, hub, members).run(config_maps, deployments, singles)
        finally:
            await asyncio.to_thread(sandbox.down)
    show(waves)
    servers = {name: sandbox.status[name]["version"] for name in ("nats", "redis")}
    packages = {name: importlib.metadata.version(name) for name in ("argosy", "nats-py", "redis", "msgspec", "uvloop")}
    packages["redis-py"] = packages.pop("redis")
    return {
        "scenarios": msgspec.to_builtins(waves),
        "members": len(sandbox.members),
        "nproc": os.cpu_count(),
        "load": os.getloadavg()[1],
        "versions": {"python": platform.python_version(), **packages, **servers},
    }


@click.command()
@click.option("--config-maps", default=1000, show_default=True, help="ConfigMaps in a wave.")
@click.option("--deployments", default=300, show_default=True, help="Deployments in a wave.")
@click.option("--singles", default=200, show_default=True, help="Objects of each kind whose latency is taken alone.")
@click.option("--quick", is_flag=True, help="A tenth of all that, for a first look.")
@click.option("--out", default="bench.json", show_default=True, type=click.Path(dir_okay=False, path_type=Path))
def main(config_maps: int, deployments: int, singles: int, quick: bool, out: Path) -> None:
    """Measures propagation from the hub to three members."""
    share = 10 if quick else 1
    document = asyncio.run(measure(config_maps // share, deployments // share, singles // share))
    out.write_text(json.dumps(document, indent=2) + "\n")
    click.echo(f"written to {out}")


if __name__ == "__main__":
    main()
