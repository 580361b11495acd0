"""The built-in rules answer as stock Karmada does, case by case."""

import copy
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from libs.common.interpreter import replay
from libs.common.interpreter.replay import Case
from libs.common.replay import read

_FILE = Path(__file__).parents[2] / "data" / "cases-interpreter.jsonl.gz"


def _by_kind() -> dict[tuple[str, str], list[Case]]:
    grouped: defaultdict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in read(_FILE.read_bytes(), Case):
        grouped[case.object["kind"], case.op].append(case)
    return grouped


_CASES = _by_kind()


@pytest.mark.parametrize("group", sorted(_CASES), ids=" ".join)
def test_a_kind_is_interpreted_as_karmada_does(group: tuple[str, str]) -> None:
    differing = [said for case in _CASES[group] if (said := replay.difference(case, replay.answer(case)))]
    assert differing == []


@pytest.mark.parametrize("group", sorted(_CASES), ids=" ".join)
def test_interpreting_changes_no_input(group: tuple[str, str]) -> None:
    for case in _CASES[group]:
        before = copy.deepcopy(case)
        replay.answer(case)
        assert case == before


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"health": True}, {"health": False}),
        ({"replicas": 1, "requirements": None}, {"replicas": 2, "requirements": None}),
        ({"status": {"replicas": 1}}, {"status": {"replicas": 1, "readyReplicas": 1}}),
        ({"object": {"status": {"phase": "Bound"}}}, {"object": {"status": {"phase": "Lost"}}}),
        ({"error": "no"}, {"health": True}),
        ({"enabled": False}, {"health": True}),
    ],
)
def test_different_answers_do_not_match(want: dict[str, Any], got: dict[str, Any]) -> None:
    assert not replay.matches(want, got)
