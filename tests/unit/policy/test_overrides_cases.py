"""Stock Karmada's answers to 250 random objects and overriders: ours are the same."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.policy import replay
from services.policy.replay import Case

CASES = list(replay.cases(Path(__file__).parents[2] / "data" / "cases-overrides.jsonl.gz"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_answer_is_karmadas(case: Case) -> None:
    answer = replay.answer(case)
    if "error" in case.want:
        assert answer.error is not None
    else:
        assert answer.error is None
        assert comparable(answer.object) == comparable(case.want["object"])


def test_there_are_250_cases() -> None:
    assert len(CASES) == 250


def comparable(value: Any) -> Any:
    """Null, empty and absent are the same; text that holds a document is equal if it parses equal."""
    if isinstance(value, dict):
        return {k: c for k, v in value.items() if (c := comparable(v)) not in (None, {}, [])}
    if isinstance(value, list):
        return [comparable(v) for v in value]
    if isinstance(value, str):
        return document(value)
    return value


def document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return parsed if isinstance(parsed, dict | list) else text
