"""What is checked in under deploy/ is what the typed API says now."""

from pathlib import Path

import pytest

from libs.common.api import generate

_DIRECTORY = Path(__file__).parents[2] / generate.DIRECTORY
_FILES = generate.files()


@pytest.mark.parametrize("name", _FILES)
def test_manifest_is_fresh(name: str) -> None:
    assert (_DIRECTORY / name).read_text() == _FILES[name], "run `make gen`"


def test_no_manifest_is_left_over() -> None:
    assert {path.name for path in _DIRECTORY.iterdir()} == _FILES.keys()
