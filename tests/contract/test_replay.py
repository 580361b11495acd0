"""`argosy replay`, by the command itself: all that has recorded cases answers them, and says so in one way."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
WRONG = {
    "scheduling": {"result": [{"name": "nowhere", "replicas": 1}]},
    "overrides": {"object": {"kind": "Other"}},
    "interpreter": {"health": "neither"},
}
kinds = pytest.mark.parametrize("kind", sorted(WRONG))


def replay(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "libs.cli", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def recorded(kind: str, count: int = 5) -> list[dict[str, object]]:
    with gzip.open(DATA / f"cases-{kind}.jsonl.gz") as lines:
        return [json.loads(next(lines)) for _ in range(count)]


def written(path: Path, cases: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, cases)))
    return path


@kinds
def test_recorded_answers_are_still_given(kind: str) -> None:
    done = replay("--check", DATA / f"cases-{kind}.jsonl.gz")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" passed, 0 failed\n")


@kinds
def test_a_case_that_differs_is_named_and_fails_the_check(kind: str, tmp_path: Path) -> None:
    cases = recorded(kind)
    cases[1]["want"] = WRONG[kind]

    done = replay("--check", "--kind", kind, written(tmp_path / "cases.jsonl", cases))

    assert done.returncode == 1
    first, last = done.stdout.splitlines()
    assert first.startswith(f"{cases[1]['id']}: ")
    assert last == "4 passed, 1 failed"


@kinds
def test_questions_without_recorded_answers_are_answered(kind: str, tmp_path: Path) -> None:
    asked = [{key: value for key, value in case.items() if key != "want"} for case in recorded(kind)]

    done = replay(written(tmp_path / f"{kind}.jsonl", asked))

    assert done.returncode == 0, done.stderr
    answered = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in answered] == [case["id"] for case in asked]
    assert all(line["answer"] for line in answered)


@kinds
def test_a_line_that_is_no_case_is_named(kind: str, tmp_path: Path) -> None:
    file = written(tmp_path / f"{kind}.jsonl", recorded(kind))
    file.write_text(file.read_text() + "\n{}\n")

    done = replay("--check", file)

    assert done.returncode == 1
    assert "line 6: Object missing required field" in done.stderr
    assert "Traceback" not in done.stderr
