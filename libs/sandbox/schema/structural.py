"""Structural schemas of custom kinds at work: pruning, unknown fields, defaults and validation.

Reference: k8s.io/apiextensions-apiserver pkg/apiserver/schema. Values that did not change are not held against a write
(ratcheting, KEP-4008).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from libs.common.kube.errors import Cause
from libs.sandbox.schema import components, constraints, decoding, faults, nodes
from libs.sandbox.schema.nodes import Kind, Node
from libs.sandbox.schema.rules import NOTHING, Rules

_TYPES: Final[Mapping[Kind, tuple[tuple[type, ...], str]]] = {
    Kind.OBJECT: ((dict,), "object"),
    Kind.MAP: ((dict,), "object"),
    Kind.ARRAY: ((list,), "array"),
    Kind.STRING: ((str,), "string"),
    Kind.BYTES: ((str,), "string"),
    Kind.TIME: ((str,), "string"),
    Kind.INTEGER: ((int,), "integer"),
    Kind.NUMBER: ((int, float), "number"),
    Kind.BOOLEAN: ((bool,), "boolean"),
    Kind.INT_OR_STRING: ((int, str), "integer or string"),
}
_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_ROOT: Final = ("apiVersion", "kind", "metadata")
_BLOCKING: Final = frozenset(
    {"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"}
)
"""With these rules are not run: they could not rely on types."""
_UNCHECKED: Final = faults.invalid(
    "<nil>",
    None,
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation",
)


class Structural:
    """The schema of a custom kind, from `openAPIV3Schema`. Objects that are passed in stay as they are.

    `skipped_rules` are those that need functions which are not there.

    Raises:
        ValueError: a rule is not CEL.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.node = _root(schema)
        self._rules = Rules(schema)
        self.skipped_rules = tuple(self._rules.skipped())

    def unknown(self, obj: Mapping[str, Any]) -> list[str]:
        """The paths of fields that `prune` drops."""
        found: list[str] = []
        _pruned(self.node, obj, "", found)
        return found

    def prune(self, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object without the fields that the schema does not know, and without nulls that mean nothing."""
        pruned: Mapping[str, Any] = _pruned(self.node, obj, "", [])
        return pruned

    def default(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The object with the defaults of the schema; metadata as Go decodes it."""
        made = dict(_defaulted(self.node, obj))
        if type(made.get("metadata")) is dict:
            made["metadata"] = decoding.completed(components.node(components.OBJECT_META), made["metadata"])
        return made

    def malformed(self, obj: Mapping[str, Any]) -> str:
        """The message of the refusal (400) if the metadata has a field of the wrong type, else empty."""
        return decoding.malformed(components.node(components.OBJECT_META), obj.get("metadata"))

    def validate(self, obj: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> Sequence[Cause]:
        """What is wrong with an object, or with the change from `old`. Rules run once the types are right."""
        before: Any = NOTHING if old is None else old
        causes: list[Cause] = []
        for name, value in obj.items():
            child = self.node.field(name)
            if child is not None and name not in _ROOT:
                _check(child, value, before if before is NOTHING else before.get(name, NOTHING), name, causes)
        causes += [faults.required(name) for name in self.node.required if name not in obj and name not in _ROOT]
        causes += constraints.check(self.node.raw, obj, "")
        if not self._rules:
            return causes
        if any(cause.reason in _BLOCKING for cause in causes):
            return [*causes, _UNCHECKED]
        return [*causes, *self._rules.check(obj, before, "")]


def _root(schema: Mapping[str, Any]) -> Node:
    node = Node({"type": "object", **schema}, components.node)
    node.kind = Kind.OBJECT
    node.is_leaf = False
    node.put("apiVersion", Node({"type": "string"}, components.node))
    node.put("kind", Node({"type": "string"}, components.node))
    node.put("metadata", components.node(components.OBJECT_META))
    return node


def _pruned(node: Node, value: Any, path: str, dropped: list[str]) -> Any:
    """The value without unknown fields, whose paths go to `dropped`; the value itself if there are none."""
    if type(value) is dict:
        return _pruned_object(node, value, path, dropped)
    if type(value) is list and node.kind is Kind.ARRAY and not node.items.is_leaf:
        made = [_pruned(node.items, item, f"{path}[{index}]", dropped) for index, item in enumerate(value)]
        return made if any(new is not item for new, item in zip(made, value, strict=True)) else value
    return value


def _pruned_object(node: Node, value: dict[str, Any], path: str, dropped: list[str]) -> dict[str, Any]:
    keeps_all = node.preserves or (node.kind is Kind.ANY and node is nodes.ANY)
    whole = bool(node.raw.get("x-kubernetes-embedded-resource"))
    made: dict[str, Any] = {}
    changed = False
    for name, item in value.items():
        at = f"{path}.{name}" if path else name
        child = node.field(name)
        if child is None and not keeps_all and not (whole and name in _ROOT):
            dropped.append(at)
            changed = True
            continue
        if item is None and _falls_away(child):
            changed = True
            continue
        new = item if child is None or child is nodes.ANY else _pruned(child, item, at, dropped)
        changed = changed or new is not item
        made[name] = new
    return made if changed else value


def _falls_away(node: Node | None) -> bool:
    """Whether a null at this place is as good as nothing."""
    return node is not None and node is not nodes.ANY and not node.nullable and "default" not in node.raw


def _defaulted(node: Node, value: Any) -> Any:
    """The value with defaults below it; the value itself if nothing is missing."""
    kind = node.kind
    if kind is Kind.OBJECT and isinstance(value, Mapping):
        return _defaulted_object(node, value)
    if kind is Kind.ARRAY and type(value) is list and not node.items.is_leaf:
        made = [_defaulted(node.items, item) for item in value]
        return made if any(new is not item for new, item in zip(made, value, strict=True)) else value
    if kind is Kind.MAP and type(value) is dict and not node.additional.is_leaf:
        filled = {name: _defaulted(node.additional, item) for name, item in value.items()}
        return filled if any(filled[name] is not item for name, item in value.items()) else value
    return value


def _defaulted_object(node: Node, value: Mapping[str, Any]) -> Mapping[str, Any]:
    made: dict[str, Any] | None = None
    for name, default in node.defaults:
        child = node.field(name)
        if name not in value or (value[name] is None and child is not None and not child.nullable):
            made = dict(value) if made is None else made
            made[name] = default
    source = value if made is None else made
    for name, item in source.items():
        child = node.children.get(name) or node.field(name)
        if child is None or child.is_leaf or child.component:
            continue
        new = _defaulted(child, item)
        if new is not item:
            made = dict(value) if made is None else made
            made[name] = new
            source = made
    return value if made is None else made


def _check(node: Node, value: Any, old: Any, path: str, causes: list[Cause]) -> None:
    if old is not NOTHING and old == value:
        return
    if value is None and node.nullable:
        return
    raw = node.raw
    expected = _TYPES.get(node.kind) or (((dict,), "object") if raw.get("type") == "object" else None)
    if expected is not None and type(value) not in expected[0] and not _is_whole(node, value):
        found = _NAMES[type(value)]
        causes.append(
            faults.of_type(path, found, f"{path} in body must be of type {expected[1]}: {faults.shown(found)}")
        )
        if "enum" in raw:
            causes.append(faults.unsupported(path, value, raw["enum"]))
        return
    if node.constrained:
        causes.extend(constraints.check(raw, value, path))
    if node.kind is Kind.OBJECT or node.kind is Kind.MAP:
        _check_object(node, value, old, path, causes)
    elif node.kind is Kind.ARRAY:
        _check_array(node, value, old, path, causes)
    if node.combined:
        causes.extend(_combinations(node, value, path))


def _is_whole(node: Node, value: Any) -> bool:
    return node.kind is Kind.INTEGER and isinstance(value, float) and value.is_integer()


def _check_object(node: Node, value: dict[str, Any], old: Any, path: str, causes: list[Cause]) -> None:
    before: Mapping[str, Any] = old if type(old) is dict else {}
    causes.extend(faults.required(f"{path}.{name}") for name in node.required if name not in value)
    for name, item in value.items():
        child = node.children.get(name) or node.field(name)
        if child is not None and child is not nodes.ANY and not child.component:
            _check(child, item, before.get(name, NOTHING), f"{path}.{name}", causes)


def _check_array(node: Node, value: list[Any], old: Any, path: str, causes: list[Cause]) -> None:
    keys = node.list_keys
    before: dict[Any, Any] = {}
    if node.list_type == "map" and type(old) is list:
        before = {_key(item, keys): item for item in old}
    seen: set[Any] = set()
    for index, item in enumerate(value):
        at = f"{path}[{index}]"
        if node.list_type != "atomic":
            key = _key(item, keys)
            if key in seen:
                shown = {name: item[name] for name in keys if name in item} if keys else item
                causes.append(faults.duplicate(at, shown))
            seen.add(key)
            _check(node.items, item, before.get(key, NOTHING), at, causes)
        else:
            unchanged = type(old) is list and index < len(old) and old[index] == item
            _check(node.items, item, item if unchanged else NOTHING, at, causes)


def _key(item: Any, keys: Sequence[str]) -> Any:
    if keys and type(item) is dict:
        return tuple(str(item.get(name)) for name in keys)
    return faults.shown(item)


def _combinations(node: Node, value: Any, path: str) -> Iterator[Cause]:
    raw = node.raw
    for part in raw.get("allOf", ()):
        yield from _faults(part, value, path)
    if (
        node.kind is not Kind.INT_OR_STRING
        and "anyOf" in raw
        and all(_faults(part, value, path) for part in raw["anyOf"])
    ):
        yield faults.invalid(path, faults.NO_VALUE, f"{path} in body must validate at least one schema (anyOf)")
    if "oneOf" in raw and sum(not _faults(part, value, path) for part in raw["oneOf"]) != 1:
        yield faults.invalid(path, faults.NO_VALUE, f"{path} in body must validate one and only one schema (oneOf)")
    if "not" in raw and not _faults(raw["not"], value, path):
        yield faults.invalid(path, faults.NO_VALUE, f"{path} in body must not validate the schema (not)")


def _faults(raw: Mapping[str, Any], value: Any, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if "required" in raw and isinstance(value, dict):
        causes += [faults.required(f"{path}.{name}") for name in raw["required"] if name not in value]
    _check(
        Node({key: part for key, part in raw.items() if key != "required"}, components.node),
        value,
        NOTHING,
        path,
        causes,
    )
    return causes
