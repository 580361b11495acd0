"""`argosy demo`: an embedded fleet with a sample on it, shown live until Ctrl-C."""

import asyncio
import shutil
from importlib import resources as files
from pathlib import Path

import click
import msgspec
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from libs.cli import fleet, kubectl, lifecycle
from libs.cli.fleet import Plan
from libs.common.api.work import AggregatedStatusItem, ResourceBinding
from libs.common.kube import credentials, resources
from libs.common.kube.client import Client
from libs.common.kube.informer import Informer

_SAMPLE = "nginx"


@click.command()
@click.option("--members", default=3, show_default=True, type=click.IntRange(2, 20), help="Member clusters.")
def demo(members: int) -> None:
    """Shows Argosy at work: hub, members and services, with a sample propagated. Ctrl-C ends it without a trace."""
    where = fleet.directory("demo")
    if fleet.supervisor_pid(where) is not None:
        raise click.ClickException("a demo runs already")
    shutil.rmtree(where, ignore_errors=True)
    plan = Plan(name="demo", members=members)

    async def up() -> None:
        now = fleet.running(where)
        assert now is not None
        lifecycle.show_up(now)
        await _apply_sample(now.status.hub.kubeconfig)
        await _show(now.status.hub.kubeconfig)

    click.echo("Starting a fleet:")
    try:
        lifecycle.run_foreground(where, plan, up)
    finally:
        shutil.rmtree(where, ignore_errors=True)


def sample() -> Path:
    """The folder of the sample: inside the installed package, or in the source tree."""
    packaged = Path(str(files.files("libs.cli"))) / "samples" / _SAMPLE
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "samples" / _SAMPLE


async def _apply_sample(kubeconfig: str) -> None:
    argv = [str(kubectl.find()), "--kubeconfig", kubeconfig, "apply", "-f", str(sample())]
    click.echo(f"\n$ kubectl apply -f samples/{_SAMPLE}/")
    process = await asyncio.create_subprocess_exec(*argv)
    if await process.wait():
        raise click.ClickException(f"`{' '.join(argv)}` failed")


async def _show(kubeconfig: str) -> None:
    """A table of bindings, redrawn when one changes."""
    changed = asyncio.Event()
    async with Client(credentials.from_kubeconfig(kubeconfig), user_agent="argosy-demo") as hub:
        informers = [
            Informer(hub, kind, decode=msgspec.json.Decoder(ResourceBinding).decode, on_change=lambda _: changed.set())
            for kind in (resources.RESOURCE_BINDINGS, resources.CLUSTER_RESOURCE_BINDINGS)
        ]
        async with asyncio.TaskGroup() as tasks:
            for informer in informers:
                tasks.create_task(informer.run(), name=f"watch {informer.resource.plural}")
            with Live(console=Console(), auto_refresh=False) as live:
                while True:
                    bindings = [b for informer in informers for _, b in sorted(informer.cache.items())]
                    live.update(_table(bindings), refresh=True)
                    await changed.wait()
                    changed.clear()


def _table(bindings: list[ResourceBinding]) -> Table:
    table = Table(title="Bindings (Ctrl-C ends the demo)", title_justify="left", box=box.SIMPLE, pad_edge=False)
    for title in ("namespace", "binding", "cluster", "replicas", "ready", "applied", "health"):
        table.add_column(title)
    for binding in bindings:
        reported = (binding.status.aggregated_status or ()) if binding.status is not None else ()
        items = {item.cluster_name: item for item in reported}
        placed = binding.spec.clusters or ()
        for target in placed:
            item = items.get(target.name)
            cells = (target.name, str(target.replicas), *_standing(item))
            table.add_row(binding.metadata.namespace or "-", binding.metadata.name, *cells)
        if not placed:
            table.add_row(binding.metadata.namespace or "-", binding.metadata.name, "-", "-", "-", "-", "-")
    return table


def _standing(item: AggregatedStatusItem | None) -> tuple[str, str, str]:
    if item is None:
        return "-", "-", "-"
    status = item.status if isinstance(item.status, dict) else {}
    ready = str(status.get("readyReplicas", 0)) if status else "-"
    return ready, "yes" if item.applied else item.applied_message or "no", item.health or "-"
