"""`argosy replay`: recorded questions, put to the code of today."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click

_ENTRIES: Final = {
    "scheduling": "services.scheduler.replay",
    "overrides": "services.policy.replay",
    "interpreter": "libs.common.interpreter.replay",
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--kind", type=click.Choice(list(_ENTRIES)), help="What the cases are about. Default: told by the file's name."
)
@click.option("--check", is_flag=True, help="Compare with the recorded answers; exit code 1 if any differs.")
def replay(file: Path, kind: str | None, check: bool) -> None:
    """Answers the cases of FILE (JSON lines, perhaps gzipped) with the pure core of the service they are about."""
    kind = kind or next((k for k in _ENTRIES if k in file.name), None)
    if kind is None:
        raise click.BadParameter(f"{file.name} tells no kind; give --kind {' | '.join(_ENTRIES)}")
    argv = [sys.executable, "-m", _ENTRIES[kind], *(["--check"] if check else []), str(file)]
    raise click.exceptions.Exit(subprocess.run(argv, check=False).returncode)
