"""Answers recorded questions: `python -m services.policy.replay FILE` reads cases and prints what policy makes of them.

A case is a line of JSON (the file may be gzipped) with `object` and `overriders`; the answer, a line of JSON on
standard output, has its `id` and either the `object` after the overriders or the `error`.
"""

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from libs.common.api.meta import Template
from libs.common.api.override import Overriders
from services.policy.core import overriders


class Case(msgspec.Struct, frozen=True, kw_only=True):
    object: Template
    overriders: Overriders
    id: str = ""
    want: Any = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    object: Template | None = None
    error: str | None = None


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file. Raises msgspec.DecodeError for a line that is none."""
    decode = msgspec.json.Decoder(Case).decode
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        yield from (decode(line) for line in lines if line.strip())


def answer(case: Case) -> Answer:
    try:
        return Answer(id=case.id, object=overriders.apply(case.object, case.overriders))
    except overriders.MisfitError as error:
        return Answer(id=case.id, error=str(error))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m services.policy.replay FILE")
    for case in cases(Path(sys.argv[1])):
        sys.stdout.buffer.write(msgspec.json.encode(answer(case)) + b"\n")


if __name__ == "__main__":
    main()
