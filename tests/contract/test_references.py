"""The references say what the commands and the settings are."""

import subprocess
import sys

from libs.cli import reference, settings_reference


def test_the_reference_is_fresh() -> None:
    assert reference.PAGE.read_text() == reference.page(), "run `make gen`"


def test_the_settings_page_is_fresh() -> None:
    assert settings_reference.PAGE.read_text() == settings_reference.page(), "run `make gen`"


def test_help_loads_nothing_heavy() -> None:
    """`argosy --help` and completion must feel instant."""
    heavy = ("kubernetes_asyncio", "aiohttp", "nats", "redis", "grpc", "rich.table")
    program = (
        "import sys; from libs.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stderr.strip()
    assert loaded == "[]"
