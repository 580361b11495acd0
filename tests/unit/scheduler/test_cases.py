"""Recorded questions with Karmada's answers."""

from pathlib import Path

import pytest

from libs.common.replay import read
from services.scheduler import replay

FILE = Path(__file__).parents[2] / "data" / "cases-scheduling.jsonl.gz"
CASES = read(FILE.read_bytes(), replay.Case)


@pytest.mark.parametrize("tag", sorted({tag for case in CASES for tag in case.tags}))
def test_answers_are_karmadas(tag: str) -> None:
    differing = {case.id: replay.difference(case, replay.answer(case)) for case in CASES if tag in case.tags}
    assert {id: said for id, said in differing.items() if said} == {}
