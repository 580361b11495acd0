"""The wheel carries what runs: an installation knows nothing of the source tree."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel that is built now."""
    uv = shutil.which("uv") or str(ROOT / ".boot" / "bin" / "uv")
    if not Path(uv).exists():
        uv = str(Path(sys.prefix).parent / ".boot" / "bin" / "uv")
    where = tmp_path_factory.mktemp("wheel")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", where, ROOT], check=True, timeout=100)
    return set(zipfile.ZipFile(next(where.glob("*.whl"))).namelist())


def test_it_carries_all_code(names: set[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "libs", "services"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    missing = {name for name in tracked.stdout.split() if (ROOT / name).exists()} - names
    assert {name for name in missing if not name.endswith(".md")} == set()


def test_it_carries_the_sample_of_the_demo(names: set[str]) -> None:
    assert {f"libs/cli/samples/nginx/{f}.yaml" for f in ("deployment", "propagationpolicy")} <= names


def test_it_carries_nothing_else(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"libs", "services"}
