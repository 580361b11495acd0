"""`argosy up`, `status`, `down`: Argosy as local processes over API servers that exist already."""

from pathlib import Path

import click

from libs.cli import lifecycle
from libs.cli.fleet import Plan


@click.command()
@click.option(
    "--hub",
    required=True,
    metavar="KUBECONFIG",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Kubeconfig of the hub.",
)
@click.option("--member", "members", multiple=True, metavar="NAME=KUBECONFIG", help="A member to join; repeatable.")
@click.option("--detach", is_flag=True, help="Return once all is up.")
def up(hub: Path, members: tuple[str, ...], detach: bool) -> None:
    """Runs NATS, Redis and all services here, installs the CRDs on the hub, and joins the members."""
    joined = dict(_member(text) for text in members)
    if len(joined) != len(members):
        raise click.BadParameter("a member's name is given twice", param_hint="--member")
    lifecycle.bring_up(Plan(name="local", hub=str(hub.resolve()), joined=joined), detach=detach)


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(output: str) -> None:
    """What `argosy up` has running. JSON is described in docs/cli-json.md."""
    lifecycle.show_status("local", output)


@click.command()
def down() -> None:
    """Stops what `argosy up` started. Nothing is taken from the clusters."""
    click.echo("Argosy is down" if lifecycle.take_down("local") else "Argosy was not up")


def _member(text: str) -> tuple[str, str]:
    name, separator, path = text.partition("=")
    if not separator or not name or not Path(path).is_file():
        raise click.BadParameter(f"{text!r}: expected NAME=KUBECONFIG with a file that exists", param_hint="--member")
    return name, str(Path(path).resolve())
