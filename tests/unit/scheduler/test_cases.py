"""Recorded questions with Karmada's answers."""

import gzip
from pathlib import Path

import pytest

from services.scheduler import replay

FILE = Path(__file__).parents[2] / "data" / "cases-scheduling.jsonl.gz"
CASES = list(replay.load(gzip.decompress(FILE.read_bytes())))


@pytest.mark.parametrize("tag", sorted({tag for case in CASES for tag in case.tags}))
def test_answers_are_karmadas(tag: str) -> None:
    differing = {case.id: replay.difference(case, replay.answer(case)) for case in CASES if tag in case.tags}
    assert {id: said for id, said in differing.items() if said} == {}
