"""Recorded questions to the interpreter: `python -m libs.common.interpreter.replay [--check] FILE`.

How it is called says `libs.common.replay`. A case has `op`, `object` and what the operation needs (`observed`,
`replicas`, `items`); `want` is the recorded answer. Null, empty and absent are equal; so are the order of dependencies
and times that mean "now". What Go's types add outside a status is not written by anyone and is not compared.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from libs.common import replay
from libs.common.api.meta import Template
from libs.common.api.work import AggregatedStatusItem
from libs.common.interpreter import registry
from libs.common.interpreter.rules import Operation
from libs.common.interpreter.typed import InterpretError

_NOW_FIELDS = ("lastProbeTime", "lastTransitionTime")
_GO_ZEROS = (None, "", 0, False)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded question."""

    op: Operation
    object: Template
    observed: Template = {}
    replicas: int = 0
    items: list[AggregatedStatusItem] | None = None
    id: str = ""
    want: dict[str, Any] = {}


def _replicas(case: Case) -> dict[str, Any]:
    count, requirements = registry.replicas(case.object)
    return {"replicas": count, "requirements": msgspec.to_builtins(requirements)}


def _aggregate(case: Case) -> dict[str, Any]:
    status = registry.aggregate_status(case.object, case.items or [])
    return {"object": case.object if status is None else {**case.object, "status": status}}


_ANSWERS: dict[Operation, Callable[[Case], dict[str, Any]]] = {
    "InterpretReplica": _replicas,
    "ReviseReplica": lambda case: {"object": registry.revise_replica(case.object, case.replicas)},
    "Retain": lambda case: {"object": registry.retain(case.object, case.observed)},
    "AggregateStatus": _aggregate,
    "InterpretStatus": lambda case: {"status": registry.reflect_status(case.object)},
    "InterpretHealth": lambda case: {"health": registry.is_healthy(case.object)},
    "InterpretDependency": lambda case: {"dependencies": msgspec.to_builtins(registry.dependencies(case.object))},
}


def answer(case: Case) -> dict[str, Any]:
    """What the interpreter says to a case, in the shape of `want`."""
    if not registry.enabled(case.op, case.object.get("apiVersion", ""), case.object.get("kind", "")):
        return {"enabled": False}
    try:
        return _ANSWERS[case.op](case)
    except InterpretError as error:
        return {"error": str(error)}


def difference(case: Case, got: dict[str, Any]) -> str:
    """How an answer differs from the recorded one; empty if it does not."""
    return "" if matches(case.want, got) else f"{case.op}: got {_text(got)}, wanted {_text(case.want)}"


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


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


if __name__ == "__main__":
    replay.main(Case, answer, difference)
