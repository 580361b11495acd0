"""`argosy sandbox`: an embedded hub and members that stay, with all services."""

import click

from libs.cli import lifecycle
from libs.cli.fleet import TITLES, Plan


@click.group()
def sandbox() -> None:
    """A hub and members on this machine, to try things on. Its objects survive a restart."""


@sandbox.command()
@click.option("--members", default=3, show_default=True, type=click.IntRange(0, 100), help="Member clusters.")
@click.option("--nodes", default=3, show_default=True, type=click.IntRange(1, 1000), help="Nodes of each member.")
@click.option("--detach", is_flag=True, help="Return once all is up.")
def up(members: int, nodes: int, detach: bool) -> None:
    """Starts hub, members, NATS, Redis and the services."""
    lifecycle.bring_up(Plan(name="sandbox", members=members, nodes=nodes), detach=detach)


@sandbox.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(output: str) -> None:
    """What runs, and where. JSON is described in docs/cli-json.md."""
    lifecycle.show_status("sandbox", output)


@sandbox.command()
@click.argument("name", default="hub")
def kubeconfig(name: str) -> None:
    """Prints the path of the kubeconfig of the hub, or of the member NAME."""
    status = lifecycle.status_of("sandbox")
    found = next((e for e in (status.hub, *status.members) if e.name == name), None)
    if found is None:
        known = ", ".join(e.name for e in (status.hub, *status.members))
        raise click.BadParameter(f"no cluster {name}; there are {known}")
    click.echo(found.kubeconfig)


@sandbox.command()
def down() -> None:
    """Stops everything. Objects stay, for the next `up`."""
    click.echo(f"{TITLES['sandbox']} {'is down' if lifecycle.take_down('sandbox') else 'was not up'}")
