"""`python -m libs.cli.reference` writes docs/cli.md: what each command takes, out of the commands themselves."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from libs.cli.main import main as argosy

_HEAD = """\
# The `argosy` command

Made from the commands themselves by `make gen`. What `-o json` prints is described in [cli-json.md](cli-json.md).
"""
PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_commands(argosy, click.Context(argosy, info_name="argosy"))]).rstrip() + "\n"


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)
        else:
            yield from _command(command, inner)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## {context.command_path}\n\n    {usage}\n\n{inspect.cleandoc(command.help or '')}\n"
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    rows = [r for p in options if (r := p.get_help_record(context)) and "--help" not in r[0]]
    if rows:
        yield "| option | meaning |\n|---|---|"
        yield from (f"| `{option}` | {_cell(meaning)} |" for option, meaning in rows)
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
