"""Answers recorded questions: `python -m services.policy.replay [--check] FILE` says what policy makes of cases.

A case is a line of JSON (the file may be gzipped; `-` reads standard input) with `object` and `overriders`; the answer,
a line of JSON on standard output, has its `id` and either the `object` after the overriders or the `error`. With
`--check` it is compared with the recorded one, `want`, and only what differs is printed.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from libs.common.api.meta import Template
from libs.common.api.override import Overriders
from services.policy.core import overriders


class Case(msgspec.Struct, frozen=True, kw_only=True):
    object: Template
    overriders: Overriders
    id: str = ""
    want: dict[str, Any] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    object: Template | None = None
    error: str | None = None


def cases(lines: Iterable[bytes]) -> Iterator[Case]:
    """The cases that the lines hold. Raises msgspec.DecodeError for a line that is none."""
    decode = msgspec.json.Decoder(Case).decode
    return (decode(line) for line in lines if line.strip())


def read(path: str) -> list[bytes]:
    """The lines of a file; `-` is standard input."""
    if path == "-":
        return sys.stdin.buffer.readlines()
    content = Path(path).read_bytes()
    return (gzip.decompress(content) if path.endswith(".gz") else content).splitlines()


def answer(case: Case) -> Answer:
    try:
        return Answer(id=case.id, object=overriders.apply(case.object, case.overriders))
    except overriders.MisfitError as error:
        return Answer(id=case.id, error=str(error))


def agrees(case: Case, given: Answer) -> bool:
    """Whether an answer is the recorded one. Texts of errors are free."""
    if "error" in case.want:
        return given.error is not None
    return given.error is None and comparable(given.object) == comparable(case.want.get("object"))


def comparable(value: Any) -> Any:
    """Null, empty and absent are the same; text that holds a document is equal if it parses equal."""
    if isinstance(value, dict):
        return {k: c for k, v in value.items() if (c := comparable(v)) not in (None, {}, [])}
    if isinstance(value, list):
        return [comparable(v) for v in value]
    return _document(value) if isinstance(value, str) else value


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass  # perhaps it is YAML
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return parsed if isinstance(parsed, dict | list) else text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.policy.replay", description="Answers recorded questions.")
    parser.add_argument("--check", action="store_true", help="compare with the recorded answers")
    parser.add_argument("file", help="JSON lines, perhaps gzipped; - reads standard input")
    arguments = parser.parse_args()
    answered = [(case, answer(case)) for case in cases(read(arguments.file))]
    shown = [given for case, given in answered if not arguments.check or not agrees(case, given)]
    for given in shown:
        sys.stdout.buffer.write(msgspec.json.encode(given) + b"\n")
    if arguments.check:
        sys.stderr.write(f"{len(answered) - len(shown)} of {len(answered)} answers agree\n")
        sys.exit(1 if shown else 0)


if __name__ == "__main__":
    main()
