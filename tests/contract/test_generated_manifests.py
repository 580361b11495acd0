"""What is checked in under deploy/ is what the typed API says now."""

from pathlib import Path

import pytest

from libs.common.api import generate

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", generate.files())
def test_manifest_is_fresh(name: str) -> None:
    assert (_ROOT / generate.DIRECTORY / name).read_text() == generate.files()[name], "run `make gen`"


def test_no_manifest_is_left_over() -> None:
    assert {path.name for path in (_ROOT / generate.DIRECTORY).iterdir()} == generate.files().keys()
