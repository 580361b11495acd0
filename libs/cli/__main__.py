"""`python -m libs.cli` is the `argosy` command."""

from libs.cli.main import main

main(prog_name="argosy")
