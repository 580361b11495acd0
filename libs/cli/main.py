"""The `argosy` command: this module only registers; each command is loaded when it is asked for."""

import importlib
from typing import Final

import click

COMMANDS: Final = {
    "demo": ("libs.cli.demo", "Shows Argosy at work: hub, members and services, with a sample propagated."),
    "sandbox": ("libs.cli.sandbox", "A hub and members on this machine, to try things on."),
    "up": ("libs.cli.local", "Runs NATS, Redis and all services here, over API servers that exist already."),
    "status": ("libs.cli.local", "What `argosy up` has running."),
    "down": ("libs.cli.local", "Stops what `argosy up` started."),
    "join": ("libs.cli.join", "Registers a member cluster under NAME and starts its agent."),
    "unjoin": ("libs.cli.unjoin", "Takes member NAME out."),
    "get": ("libs.cli.get", "Lists objects of one or more kinds in all members."),
    "explain": ("libs.cli.explain", "Says why each cluster was chosen or not, and where its work stands."),
    "trace": ("libs.cli.trace", "Prints the id of the trace of an object's current state."),
    "events": ("libs.cli.events", "Prints events as they happen: policies, bindings, clusters."),
    "publish": ("libs.cli.publish", "Publishes policies on the bus and reports what became of each."),
    "replay": ("libs.cli.replay", "Answers recorded cases with the code of today."),
}
"""Of each command the module that has it under its name, and what `argosy --help` says of it."""


class Commands(click.Group):
    """Loads a command's module on demand: `argosy --help` stays quick, and so does each command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="argosy", prog_name="argosy")
def main() -> None:
    """Runs cloud-native applications across many Kubernetes clusters.

    Try it: `argosy sandbox up` starts a hub and three members on this machine.
    """
