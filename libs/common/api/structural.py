"""Structural schemas of the typed API: msgspec Structs in, OpenAPI v3 without references out.

What a type cannot say stands in its `schema(...)` annotation; the keyword `required=True` there puts a field with a
default into the `required` list of its parent. The docstrings of types and fields become descriptions.

Reference: kubernetes.io/docs, "Specifying a structural schema".
"""

import ast
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import inspect as types

Schema: TypeAlias = dict[str, Any]

QUANTITY_PATTERN: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"


def of(type_: Any) -> Schema:
    """The schema of a Struct, or of any type that stands in one.

    Raises:
        TypeError: no structural schema can say it (a union of several object types, a tuple...).
    """
    return _schema(types.type_info(type_))


def refine(schema: Schema, path: str, keywords: Mapping[str, Any]) -> None:
    """Adds keywords to the part of `schema` that `path` names, in place: `spec.terms[].labels{}.name`.

    Lists (of rules) grow; anything else is replaced. Raises KeyError for a path that is not there.
    """
    node = schema
    for step in path.replace("[]", ".[]").replace("{}", ".{}").split(".") if path else ():
        match step:
            case "[]":
                node = node["items"]
            case "{}":
                node = node["additionalProperties"]
            case _:
                node = node["properties"][step]
    for key, value in keywords.items():
        node[key] = [*node.get(key, []), *value] if isinstance(value, list) else value


def _schema(type_: types.Type) -> Schema:
    match type_:
        case types.Metadata(inner, extra_json_schema=extra):
            return _schema(inner) | {key: value for key, value in (extra or {}).items() if key != "required"}
        case types.UnionType():
            return _union(type_)
        case types.StructType():
            return _struct(type_)
        case types.ListType(item):
            return {"type": "array", "items": _schema(item)}
        case types.DictType(_, value):
            if isinstance(value, types.AnyType):
                return {"type": "object", _PRESERVE: True}
            return {"type": "object", "additionalProperties": _schema(value)}
        case types.LiteralType(values):
            return {"type": "string", "enum": [value for value in values if value != ""]}
        case types.AnyType():
            return {_PRESERVE: True}
        case types.StrType():
            return {"type": "string"}
        case types.BoolType():
            return {"type": "boolean"}
        case types.IntType():
            return {"type": "integer", "format": "int64"}
    raise TypeError(f"{type_} has no structural schema")


def _union(union: types.UnionType) -> Schema:
    members = [member for member in union.types if not isinstance(member, types.NoneType)]
    if len(members) == 1:
        return _schema(members[0])
    if {type(member) for member in members} == {types.IntType, types.StrType}:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": True,
        }
    if all(isinstance(member, types.LiteralType) for member in members):
        return {"type": "string", "enum": [v for m in members for v in _schema(m)["enum"]]}
    raise TypeError(f"{union} has no structural schema")


def _struct(struct: types.StructType) -> Schema:
    schema: Schema = {"type": "object"}
    if description := _description(struct.cls):
        schema["description"] = description
    texts = _field_texts(struct.cls)
    schema["properties"] = {
        field.encode_name: _schema(field.type) | _described(texts.get(field.name)) for field in struct.fields
    }
    if required := [field.encode_name for field in struct.fields if field.required or _marked_required(field.type)]:
        schema["required"] = required
    return schema


def _marked_required(type_: types.Type) -> bool:
    return isinstance(type_, types.Metadata) and bool((type_.extra_json_schema or {}).get("required"))


def _description(type_: type[msgspec.Struct]) -> str:
    own = vars(type_).get("__doc__")
    return inspect.cleandoc(own) if own else ""


def _described(text: str | None) -> Schema:
    return {"description": text} if text else {}


def _field_texts(type_: type[msgspec.Struct]) -> Mapping[str, str]:
    """Field to docstring, inherited fields included."""
    texts: dict[str, str] = {}
    for each in reversed(type_.__mro__):
        texts |= _texts_of_module(each.__module__).get(each.__qualname__, {})
    return texts


@cache
def _texts_of_module(module: str) -> Mapping[str, Mapping[str, str]]:
    """Class to field to docstring. Python keeps no docstrings of fields: they are read from the source."""
    if not module.startswith("libs."):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: dict(_texts_of_class(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _texts_of_class(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in itertools.pairwise(node.body):
        match field, after:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, inspect.cleandoc(text)
