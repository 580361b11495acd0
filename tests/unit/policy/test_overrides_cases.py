"""Stock Karmada's answers to 250 random objects and overriders: ours are the same."""

from pathlib import Path

import pytest

from services.policy import replay
from services.policy.replay import Case

FILE = Path(__file__).parents[2] / "data" / "cases-overrides.jsonl.gz"
CASES = list(replay.cases(replay.read(str(FILE))))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_answer_is_karmadas(case: Case) -> None:
    given = replay.answer(case)

    assert replay.agrees(case, given), given


def test_there_are_250_cases() -> None:
    assert len(CASES) == 250
