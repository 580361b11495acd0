"""`argosy explain`: why each cluster was chosen or not, and where its work stands."""

import click
import msgspec
from rich.console import Console
from rich.table import Table

from libs.cli import connect, explanation, kinds
from libs.cli.explanation import Explained
from libs.common import messages
from libs.common.api.meta import Template
from libs.common.kube.resources import ObjectKey


@click.command()
@click.argument("object", nargs=-1, required=True, metavar="KIND/NAME")
@click.option("-n", "--namespace", default="default", show_default=True)
@connect.output_option()
@connect.hub_option()
@connect.nats_option()
@connect.runs
async def explain(
    object: tuple[str, ...],
    namespace: str,
    output: str,
    kubeconfig: str | None,
    nats: str | None,
) -> None:
    """Says why each cluster was chosen or not, and where its work stands."""
    word, name = kinds.split(object)
    if not name:
        raise click.BadParameter("expected KIND/NAME")
    async with connect.hub(kubeconfig) as hub:
        resource = await kinds.find(hub, word)
        key = ObjectKey(namespace if resource.namespaced else "", name)
        template: Template = msgspec.json.decode(await hub.get(resource, key))
        async with connect.on_bus(nats, kubeconfig) as on_bus:
            found = await explanation.explain(hub, on_bus, template)
    click.echo(msgspec.json.encode(found).decode()) if output == "json" else _print(found)


def _print(found: Explained) -> None:
    where = f"{found.namespace}/{found.name}" if found.namespace else found.name
    click.echo(f"{found.kind} {where}" + (f", claimed by policy {found.policy}" if found.policy else ""))
    if found.binding:
        click.echo(f"binding {found.binding}: {'scheduled' if found.scheduled else 'not scheduled'}")
    click.echo(found.summary)
    for note in found.notes:
        click.echo(f"  {note}")
    if found.clusters:
        table = Table(box=None, pad_edge=False, header_style="")
        for title in ("CLUSTER", "CHOSEN", "REPLICAS", "WORK", "HEALTH", "WHY"):
            table.add_column(title)
        for c in found.clusters:
            why = c.reason or c.message or _scores(c.steps)
            table.add_row(
                c.cluster, "yes" if c.chosen else "no", str(c.replicas) if c.chosen else "", c.work, c.health, why
            )
        Console(width=None if Console().is_terminal else 1000).print(table)
    click.echo(f"trace {found.trace_id}")


def _scores(steps: list[messages.StepVerdict]) -> str:
    return ", ".join(f"{s.plugin} {s.score}" for s in steps if s.score is not None)
