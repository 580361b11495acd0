"""`argosy trace`: which trace tells the story of an object's current state."""

import os

import click
import msgspec

from libs.cli import connect, kinds
from libs.common import names
from libs.common.kube.resources import ObjectKey


class Trace(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `-o json` prints."""

    trace_id: str
    """32 hex digits, as Jaeger and every OpenTelemetry tool show it."""
    uid: str
    generation: int
    """0 for kinds without a generation."""
    exporting_to: str = ""
    """The OTLP endpoint of this environment; empty when none is set."""


@click.command()
@click.argument("object", nargs=-1, required=True, metavar="KIND/NAME")
@click.option("-n", "--namespace", default="default", show_default=True)
@connect.output_option()
@connect.hub_option()
@connect.runs
async def trace(object: tuple[str, ...], namespace: str, output: str, kubeconfig: str | None) -> None:
    """Prints the id of the trace of an object's current state."""
    word, name = kinds.split(object)
    if not name:
        raise click.BadParameter("expected KIND/NAME")
    async with connect.hub(kubeconfig) as hub:
        resource = await kinds.find(hub, word)
        key = ObjectKey(namespace if resource.namespaced else "", name)
        template = msgspec.json.decode(await hub.get(resource, key))
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    found = Trace(
        trace_id=names.trace_id(template),
        uid=template["metadata"]["uid"],
        generation=template["metadata"].get("generation") or 0,
        exporting_to=endpoint,
    )
    if output == "json":
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(found.trace_id)
    if not endpoint:
        click.echo("Services export traces when OTEL_EXPORTER_OTLP_ENDPOINT is set at their start.", err=True)
