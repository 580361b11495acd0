"""Label and field selectors in their text form, as tests on stored objects.

Grammar: k8s.io/apimachinery pkg/labels and pkg/fields; fields per kind: k8s.io/kubernetes pkg/registry.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from libs.sandbox import statuses
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object

Test: TypeAlias = Callable[[Object], bool]

_REQUIREMENT: Final = re.compile(
    r"\s*(?P<not>!\s*)?(?P<key>[A-Za-z0-9_./-]+)\s*"
    r"(?:(?P<op>==|=|!=|>|<)\s*(?P<value>[^,\s()]*)|(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?\s*(?:,|$)"
)
_OBJECT_FIELDS: Final = ("metadata.name", "metadata.namespace")
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "events.events.k8s.io": (
        "regarding.kind",
        "regarding.name",
        "regarding.namespace",
        "regarding.uid",
        "reason",
        "type",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "certificatesigningrequests.certificates.k8s.io": ("spec.signerName",),
}


def labels(text: str) -> Test | None:
    """The test of a label selector, None for one that takes everything. Raises Refusal."""
    if not text.strip():
        return None
    tests: list[Callable[[dict[str, str]], bool]] = []
    place = 0
    while place < len(text):
        found = _REQUIREMENT.match(text, place)
        if found is None:
            raise statuses.bad_request(f"unable to parse requirement: found '{text[place:]}'")
        tests.append(_label_test(found))
        place = found.end()

    def test(obj: Object) -> bool:
        marks = obj["metadata"].get("labels") or {}
        return all(each(marks) for each in tests)

    return test


def _label_test(found: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    key, operator, value = found["key"], found["op"], found["value"]
    if found["set"]:
        values = frozenset(each.strip() for each in found["values"].split(","))
        if found["set"] == "in":
            return lambda marks: marks.get(key) in values
        return lambda marks: marks.get(key) not in values
    if found["not"]:
        return lambda marks: key not in marks
    match operator:
        case None:
            return lambda marks: key in marks
        case "!=":
            return lambda marks: marks.get(key) != value
        case ">" | "<":
            bound = int(value) if value.lstrip("-").isdecimal() else None
            if bound is None:
                raise statuses.bad_request(
                    f"values[0][{key}]: Invalid value: {value!r}: for 'Gt', 'Lt' operators, the value must be an int"
                )
            return lambda marks: _beyond(marks.get(key), bound, greater=operator == ">")
        case _:
            return lambda marks: marks.get(key) == value


def _beyond(mark: str | None, bound: int, *, greater: bool) -> bool:
    if mark is None or not mark.lstrip("-").isdecimal():
        return False
    return int(mark) > bound if greater else int(mark) < bound


def text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector, or a plain map of labels, in its text form."""
    whole = "matchLabels" in selector or "matchExpressions" in selector
    labels = selector.get("matchLabels") or {} if whole else selector
    told = [f"{key}={value}" for key, value in sorted(labels.items())]
    for each in (selector.get("matchExpressions") or ()) if whole else ():
        key, values = each["key"], ",".join(each.get("values") or ())
        match each["operator"]:
            case "In":
                told.append(f"{key} in ({values})")
            case "NotIn":
                told.append(f"{key} notin ({values})")
            case "Exists":
                told.append(key)
            case _:
                told.append(f"!{key}")
    return ",".join(told)


def fields(text: str, resource: Resource, selectable: Sequence[str] = ()) -> Test | None:
    """The test of a field selector; `selectable` are the paths that a custom kind names. Raises Refusal."""
    if not text.strip():
        return None
    known = (*_OBJECT_FIELDS, *_FIELDS.get(resource.table, ()), *selectable)
    tests: list[tuple[tuple[str, ...], str, bool]] = []
    for requirement in text.split(","):
        found = re.fullmatch(r"\s*([^=!]+?)\s*(==|=|!=)(.*)", requirement)
        if found is None:
            raise statuses.bad_request(f"invalid selector: '{text}'; can't understand '{requirement}'")
        path, operator, value = found.groups()
        if path not in known:
            raise statuses.bad_request(f"field label not supported: {path}")
        tests.append((tuple(path.split(".")), value, operator != "!="))
    return lambda obj: all((_field(obj, path) == value) == wanted for path, value, wanted in tests)


def name_of(text: str) -> str:
    """The one name that a field selector asks for, or an empty one: such lists need no walk over the table."""
    found = re.fullmatch(r"metadata\.name==?([^,!=]+)", text)
    return found[1] if found else ""


def _field(obj: Object, path: tuple[str, ...]) -> str:
    if path == ("source",):
        path = ("source", "component")
    elif path == ("status", "successful"):
        path = ("status", "succeeded")
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return {"replicas": "0", "succeeded": "0", "unschedulable": "false", "hostNetwork": "false"}.get(path[-1], "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def both(first: Test | None, second: Test | None) -> Test | None:
    """The test that passes what both pass."""
    if first is None or second is None:
        return first or second
    return lambda obj: first(obj) and second(obj)
