"""Recorded questions, answered anew: the command line of each `... .replay` module.

    python -m services.scheduler.replay [--check] FILE

FILE has a case a line, as JSON; it may be gzipped, and `-` is the standard input. What a case holds beside its `id`,
and what its recorded answer `want` looks like, the module says. Without --check a line `{"id", "answer"}` is printed
for each case. With it only the cases whose answer differs from the recorded one are printed, then how many agree, and
the exit code is 1 if any differs.
"""

import argparse
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

_GZIP = b"\x1f\x8b"


class Case(Protocol):
    """A recorded question."""

    @property
    def id(self) -> str:
        """Tells the case from others."""


C = TypeVar("C", bound=Case)
A = TypeVar("A")


def read(content: bytes, case: type[C]) -> list[C]:
    """The cases of a file's content, gzipped or not. Raises ValueError, which names the line, where one is none."""
    lines = (gzip.decompress(content) if content.startswith(_GZIP) else content).splitlines()
    decode = msgspec.json.Decoder(case).decode
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found += [decode(line)] if line.strip() else []
        except msgspec.DecodeError as error:
            raise ValueError(f"line {number}: {error}") from error
    return found


def main(case: type[C], answer: Callable[[C], A], difference: Callable[[C, A], str]) -> None:
    """Runs the command and exits.

    Args:
        case: what a line holds.
        answer: today's answer.
        difference: how an answer differs from the recorded one; empty if it does not.
    """
    parser = argparse.ArgumentParser(description="Answers recorded questions anew.")
    parser.add_argument("--check", action="store_true", help="compare with the recorded answers")
    parser.add_argument("file", metavar="FILE", help="JSON lines, perhaps gzipped; - is the standard input")
    chosen = parser.parse_args()
    try:
        cases = read(sys.stdin.buffer.read() if chosen.file == "-" else Path(chosen.file).read_bytes(), case)
    except (OSError, ValueError) as error:
        sys.exit(f"{chosen.file}: {error}")
    sys.exit(_check(cases, answer, difference) if chosen.check else _print(cases, answer))


def _print(cases: list[C], answer: Callable[[C], A]) -> int:
    for case in cases:
        line = {"id": case.id, "answer": answer(case)}
        sys.stdout.write(msgspec.json.encode(line, order="deterministic").decode() + "\n")
    return 0


def _check(cases: list[C], answer: Callable[[C], A], difference: Callable[[C, A], str]) -> int:
    failed = 0
    for case in cases:
        if said := difference(case, answer(case)):
            failed += 1
            sys.stdout.write(f"{case.id}: {said}\n")
    sys.stdout.write(f"{len(cases) - failed} passed, {failed} failed\n")
    return 1 if failed else 0
