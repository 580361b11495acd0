"""Recorded questions to the interpreter, answered anew: `python -m libs.common.interpreter.replay [--check] FILE`.

A case is a JSON object on a line: `id`, `op`, `object` and what the operation needs (`observed`, `replicas`, `items`);
`want` is the recorded answer. Null, empty and absent are equal; so are the order of dependencies and times that mean
"now". What Go's types add outside a status is not written by anyone and is not compared.
"""

import argparse
import gzip
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from libs.common.api.work import AggregatedStatusItem
from libs.common.interpreter import registry
from libs.common.interpreter.typed import InterpretError

_NOW_FIELDS = ("lastProbeTime", "lastTransitionTime")
_GO_ZEROS = (None, "", 0, False)


def _replicas(case: dict[str, Any]) -> dict[str, Any]:
    count, requirements = registry.replicas(case["object"])
    return {"replicas": count, "requirements": msgspec.to_builtins(requirements)}


def _aggregate(case: dict[str, Any]) -> dict[str, Any]:
    template = case["object"]
    items = msgspec.convert(case.get("items") or [], list[AggregatedStatusItem])
    status = registry.aggregate_status(template, items)
    return {"object": template if status is None else {**template, "status": status}}


_ANSWERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "InterpretReplica": _replicas,
    "ReviseReplica": lambda case: {"object": registry.revise_replica(case["object"], case["replicas"])},
    "Retain": lambda case: {"object": registry.retain(case["object"], case["observed"])},
    "AggregateStatus": _aggregate,
    "InterpretStatus": lambda case: {"status": registry.reflect_status(case["object"])},
    "InterpretHealth": lambda case: {"health": registry.is_healthy(case["object"])},
    "InterpretDependency": lambda case: {"dependencies": msgspec.to_builtins(registry.dependencies(case["object"]))},
}


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What the interpreter says to a case, in the shape of `want`."""
    template = case["object"]
    if not registry.enabled(case["op"], template.get("apiVersion", ""), template.get("kind", "")):
        return {"enabled": False}
    try:
        return _ANSWERS[case["op"]](case)
    except InterpretError as error:
        return {"error": str(error)}


def matches(want: dict[str, Any], got: dict[str, Any]) -> bool:
    """Whether two answers say the same."""
    if "error" in want or "error" in got:
        return ("error" in want) == ("error" in got)
    return bool(_normal(want) == _normal(got))


def _normal(reply: dict[str, Any]) -> Any:
    reply = dict(reply)
    if "object" in reply:
        obj = dict(reply["object"])
        status = obj.pop("status", None)
        reply["object"] = _compact(obj, zeros=True)
        reply["status"] = status
    if "dependencies" in reply:
        reply["dependencies"] = sorted(reply["dependencies"] or [], key=msgspec.json.encode)
    return _compact(reply, zeros=False)


def _compact(value: Any, *, zeros: bool) -> Any:
    """Without what is empty; with `zeros` also without what Go's types write for absent numbers and texts."""
    if isinstance(value, dict):
        inner = {key: _compact(v, zeros=zeros) for key, v in value.items() if key not in _NOW_FIELDS}
        return {key: v for key, v in inner.items() if v is not None and not (zeros and v in _GO_ZEROS)} or None
    if isinstance(value, list):
        return [_compact(v, zeros=zeros) for v in value] or None
    return value


def _cases(source: str) -> Iterable[dict[str, Any]]:
    data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return [msgspec.json.decode(line) for line in data.splitlines() if line.strip()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m libs.common.interpreter.replay", description=__doc__)
    parser.add_argument("file", help="JSON lines, perhaps gzipped; - is standard input")
    parser.add_argument("--check", action="store_true", help="print the cases whose answer differs from `want`")
    arguments = parser.parse_args()
    total = differing = 0
    for case in _cases(arguments.file):
        got = answer(case)
        total += 1
        if arguments.check and matches(case["want"], got):
            continue
        differing += 1
        shown = {"id": case["id"], "op": case["op"], "got": got}
        if arguments.check:
            shown["want"] = case["want"]
        sys.stdout.write(msgspec.json.encode(shown, order="deterministic").decode() + "\n")
    if not arguments.check:
        return 0
    sys.stdout.write(f"{total - differing} passed, {differing} failed\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
