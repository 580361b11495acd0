"""`argosy events`: follows what happens, as CloudEvents."""

from datetime import timedelta

import click
import msgspec

from libs.cli import connect
from libs.common import bus


@click.command()
@click.option("--about", type=click.Choice(["policy", "binding", "cluster"]), help="Events of one kind only.")
@click.option("-n", "--namespace", help="Events of one namespace only; `_` for cluster-scoped objects.")
@click.option("--since", "minutes", type=int, default=0, show_default=True, help="Begin so many minutes ago.")
@click.option("--no-follow", is_flag=True, help="End after what is stored; default --since 60 then.")
@connect.output_option()
@connect.nats_option()
@connect.runs
async def events(
    about: str | None, namespace: str | None, minutes: int, no_follow: bool, output: str, nats: str | None
) -> None:
    """Prints events as they happen: policies, bindings, clusters."""
    back = timedelta(minutes=minutes or (60 if no_follow else 0))
    async with connect.on_bus(nats) as on_bus:
        async for event in on_bus.events(about=about, since=back, follow=not no_follow):
            if namespace is None or event.namespace == ("" if namespace == "_" else namespace):
                click.echo(_json(event) if output == "json" else _line(event))


def _json(event: bus.CloudEvent) -> str:
    return msgspec.json.encode(event).decode()


def _line(event: bus.CloudEvent) -> str:
    data = msgspec.json.decode(event.data) if event.data else {}
    text = ""
    if isinstance(data, dict):
        text = data.get("message") or (data.get("explanation") or {}).get("summary") or ""
    return f"{event.time}  {event.type:<32} {event.subject:<40} {text}".rstrip()
