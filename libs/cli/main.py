"""The `argosy` command: this module only registers; each command is loaded when it is asked for."""

import importlib
from typing import Final

import click

_COMMANDS: Final = {
    "demo": "libs.cli.demo",
    "sandbox": "libs.cli.sandbox",
    "up": "libs.cli.local",
    "status": "libs.cli.local",
    "down": "libs.cli.local",
    "join": "libs.cli.join",
    "unjoin": "libs.cli.unjoin",
    "get": "libs.cli.get",
    "explain": "libs.cli.explain",
    "trace": "libs.cli.trace",
    "events": "libs.cli.events",
    "publish": "libs.cli.publish",
    "replay": "libs.cli.replay",
}
"""Name of each command, and the module that has it under that name."""


class Commands(click.Group):
    """Loads a command's module on demand: `argosy --help` stays quick, and so does each command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="argosy", prog_name="argosy")
def main() -> None:
    """Runs cloud-native applications across many Kubernetes clusters.

    Try it: `argosy sandbox up` starts a hub and three members on this machine.
    """
