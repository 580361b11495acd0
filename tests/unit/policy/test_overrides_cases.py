"""Stock Karmada's answers to 250 random objects and overriders: ours are the same."""

from pathlib import Path

import pytest

from libs.common.replay import read
from services.policy import replay
from services.policy.replay import Case

FILE = Path(__file__).parents[2] / "data" / "cases-overrides.jsonl.gz"
CASES = read(FILE.read_bytes(), Case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_answer_is_karmadas(case: Case) -> None:
    assert replay.difference(case, replay.answer(case)) == ""


def test_there_are_250_cases() -> None:
    assert len(CASES) == 250
