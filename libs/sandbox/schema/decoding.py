"""Objects of built-in kinds on their way in: what Go's decoding drops, refuses and canonicalises, with the defaults.

Both walks are hot: each write to an API server passes them.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from libs.sandbox.schema import quantities
from libs.sandbox.schema.nodes import Kind, Node

_JSON: Final[dict[type, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
    dict: "object",
    list: "array",
}
_GO: Final = {
    Kind.STRING: "string",
    Kind.BYTES: "[]uint8",
    Kind.TIME: "v1.Time",
    Kind.BOOLEAN: "bool",
    Kind.NUMBER: "float64",
    Kind.INT_OR_STRING: "intstr.IntOrString",
    Kind.QUANTITY: "resource.Quantity",
}
_TAKES: Final[dict[Kind, tuple[type, ...]]] = {
    Kind.OBJECT: (dict,),
    Kind.MAP: (dict,),
    Kind.ARRAY: (list,),
    Kind.STRING: (str,),
    Kind.BYTES: (str,),
    Kind.TIME: (str,),
    Kind.INTEGER: (int,),
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: (bool,),
    Kind.INT_OR_STRING: (int, str),
    Kind.QUANTITY: (int, float, str),
}
_ZERO: Final[dict[Kind, Any]] = {
    Kind.STRING: "",
    Kind.BYTES: "",
    Kind.INTEGER: 0,
    Kind.NUMBER: 0,
    Kind.BOOLEAN: False,
    Kind.INT_OR_STRING: 0,
    Kind.QUANTITY: "0",
}
_QUANTITY_TEXT: Final = r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\r\n]*")
_SIGNED: Final = {"int32": 31, "int64": 63}


def completed(node: Node, value: Any) -> Any:
    """The value without unknown fields and nulls, with canonical quantities and with defaults, as a new tree."""
    kind = node.kind
    if kind is Kind.OBJECT:
        return _completed_object(node, value) if type(value) is dict else value
    if kind is Kind.ARRAY and type(value) is list:
        items = node.items
        if items.is_leaf and None not in value:
            return value
        return [_zero(items) if item is None else completed(items, item) for item in value]
    if kind is Kind.MAP and type(value) is dict:
        values = node.additional
        if values.is_leaf and None not in value.values():
            return value
        return {key: _zero(values) if item is None else completed(values, item) for key, item in value.items()}
    if kind is Kind.QUANTITY:
        return quantities.canonical(value)
    return value


def _zero(node: Node) -> Any:
    """What Go makes of a null among items or values, which cannot be left out."""
    return completed(node, {}) if node.kind is Kind.OBJECT else _ZERO.get(node.kind)


def _completed_object(node: Node, value: dict[str, Any]) -> dict[str, Any]:
    children = node.children
    made: dict[str, Any] = {}
    for name, item in value.items():
        if item is None:
            continue
        child = children.get(name) or node.field(name)
        if child is None:
            continue
        made[name] = item if child.is_leaf else completed(child, item)
    for name, default in node.defaults:
        if name not in made or made[name] == "":
            made[name] = default
    if node.complete is not None:
        node.complete(made)
    return made


def unknown(node: Node, value: Any, path: str = "") -> Iterator[str]:
    """The paths of the fields that the schema does not know: `spec.template.foo`, `spec.containers[0].bar`."""
    match node.kind:
        case Kind.OBJECT if type(value) is dict:
            for name, item in value.items():
                child = node.children.get(name) or node.field(name)
                at = f"{path}.{name}" if path else name
                if child is None:
                    yield at
                elif not child.is_leaf:
                    yield from unknown(child, item, at)
        case Kind.MAP if type(value) is dict and not node.additional.is_leaf:
            for name, item in value.items():
                yield from unknown(node.additional, item, f"{path}.{name}")
        case Kind.ARRAY if type(value) is list and not node.items.is_leaf:
            for index, item in enumerate(value):
                yield from unknown(node.items, item, f"{path}[{index}]")


def malformed(node: Node, value: Any) -> str:
    """What Go's JSON decoder says of the first value that does not fit its field; empty if all do."""
    return _malformed(node, value, node.component.rpartition(".")[2], "")


def _malformed(node: Node, value: Any, owner: str, path: str) -> str:
    kind = node.kind
    if kind is Kind.ANY or value is None:
        return ""
    if type(value) not in _TAKES[kind]:
        found = _JSON.get(type(value), "null")
        return f"json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {_go_type(node)}"
    if kind is Kind.OBJECT:
        owner = node.component.rpartition(".")[2] or owner
        for name, item in value.items():
            child = node.children.get(name) or node.field(name)
            if child is not None and (text := _malformed(child, item, owner, f"{path}.{name}" if path else name)):
                return text
    elif kind is Kind.MAP:
        for item in value.values():
            if text := _malformed(node.additional, item, owner, path):
                return text
    elif kind is Kind.ARRAY:
        for item in value:
            if text := _malformed(node.items, item, owner, path):
                return text
    return _odd_scalar(node, value, owner, path)


def _odd_scalar(node: Node, value: Any, owner: str, path: str) -> str:
    if node.kind is Kind.QUANTITY:
        try:
            quantities.canonical(value)
        except ValueError:
            return _QUANTITY_TEXT
    if node.kind is Kind.BYTES:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            return f"illegal base64 data at input byte {_illegal(value)}"
    if node.kind is Kind.INTEGER and not -(1 << 31) <= value < (1 << 31):
        bits = _SIGNED.get(node.raw.get("format", "int64"), 63)
        if not -(1 << bits) <= value < (1 << bits):
            return f"json: cannot unmarshal number {value} into Go struct field {owner}.{path} of type {_go_type(node)}"
    return ""


def _illegal(text: str) -> int:
    """Where a text stops being base64, in whole groups of four, as Go counts."""
    match = _BASE64.match(text)
    return match.end() // 4 * 4 if match else 0


def _go_type(node: Node) -> str:
    match node.kind:
        case Kind.INTEGER:
            return str(node.raw.get("format", "int64"))
        case Kind.ARRAY:
            return f"[]{_go_type(node.items)}"
        case Kind.MAP:
            return f"map[string]{_go_type(node.additional)}"
        case Kind.OBJECT:
            return ".".join(node.component.rsplit(".", 2)[-2:])
        case kind:
            return _GO.get(kind, "interface {}")
