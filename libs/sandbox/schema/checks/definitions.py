"""CustomResourceDefinitions: names, versions and structural schemas (k8s.io/apiextensions-apiserver validation)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from libs.common.kube.errors import Cause
from libs.sandbox.schema import faults
from libs.sandbox.schema.checks import words
from libs.sandbox.schema.checks.words import Object
from libs.sandbox.schema.rules import Rule

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_TYPELESS: Final = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
_FORBIDDEN: Final = ("$ref", "definitions", "dependencies", "id", "patternProperties", "additionalItems", "deprecated")
_IN_JUNCTORS: Final = ("description", "type", "default", "additionalProperties", "nullable", "title")
_LIST_TYPES: Final = ("atomic", "map", "set")


def definition(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A CustomResourceDefinition."""
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    group = spec.get("group") or ""
    name = obj["metadata"].get("name", "")
    if name != f"{names.get('plural', '')}.{group}":
        yield faults.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    yield from _group(group)
    yield from _names(names)
    if not spec.get("scope"):
        yield faults.required("spec.scope")
    yield from words.one_of(spec.get("scope"), ("Cluster", "Namespaced"), "spec.scope")
    yield from _versions(spec.get("versions") or ())
    if old is not None:
        yield from _changes(spec, (old.get("spec") or {}))


def _group(group: str) -> Iterator[Cause]:
    if not group:
        yield faults.required("spec.group")
    elif why := words.subdomain(group):
        yield faults.invalid("spec.group", group, why)
    elif "." not in group:
        yield faults.invalid("spec.group", group, "should be a domain with at least one dot")


def _names(names: Object) -> Iterator[Cause]:
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field)
        if not value:
            yield faults.required(f"spec.names.{field}")
        elif why := words.label_1035(value.lower() if field in ("kind", "listKind") else value):
            mixed = "may have mixed case, but should otherwise match: " if field in ("kind", "listKind") else ""
            yield faults.invalid(f"spec.names.{field}", value, mixed + why)
    for field in ("shortNames", "categories"):
        for index, value in enumerate(names.get(field) or ()):
            if why := words.label_1035(value):
                yield faults.invalid(f"spec.names.{field}[{index}]", value, why)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield faults.invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")


def _versions(versions: Any) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, version in enumerate(versions):
        at = f"spec.versions[{index}]"
        name = version.get("name", "")
        if why := words.label_1035(name):
            yield faults.invalid(f"{at}.name", name, why)
        if name in seen:
            yield faults.invalid(f"{at}.name", name, "must be unique")
        seen.add(name)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            yield faults.required(f"{at}.schema.openAPIV3Schema", "schemas are required")
            continue
        root = f"{at}.schema.openAPIV3Schema"
        if schema.get("type") != "object":
            yield faults.invalid(f"{root}.type", schema.get("type", ""), "must be object at the root")
        yield from _schema(schema, root)
    if sum(bool(version.get("storage")) for version in versions) != 1:
        shown = [{"name": v.get("name"), "storage": bool(v.get("storage"))} for v in versions]
        yield faults.invalid("spec.versions", shown, "must have exactly one version marked as storage version")


def _schema(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What keeps a schema from being structural."""
    yield from _keywords(schema, path)
    yield from _list(schema, path)
    yield from _rules(schema, path)
    for junctor in _JUNCTORS:
        for index, part in enumerate(schema.get(junctor) or ()):
            yield from _junctor(part, f"{path}.{junctor}[{index}]", bool(schema.get("x-kubernetes-int-or-string")))
    for name, part in (schema.get("properties") or {}).items():
        yield from _schema(part, f"{path}.properties[{name}]")
    for key in ("items", "additionalProperties"):
        if isinstance(part := schema.get(key), Mapping):
            yield from _schema(part, f"{path}.{key}")


def _keywords(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for field in _FORBIDDEN:
        if field in schema:
            yield faults.forbidden(f"{path}.{field}", f"{field} is not supported")
    type_ = schema.get("type")
    if type_ is None and not any(schema.get(mark) for mark in _TYPELESS):
        yield faults.required(f"{path}.type", "must not be empty for specified object fields")
    elif type_ is not None:
        yield from words.one_of(type_, _TYPES, f"{path}.type")
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield faults.forbidden(f"{path}.uniqueItems", text)
    if schema.get("properties") and schema.get("additionalProperties"):
        text = "additionalProperties and properties are mutual exclusive"
        yield faults.forbidden(f"{path}.additionalProperties", text)
    if type_ == "array" and "items" not in schema:
        yield faults.required(f"{path}.items", "must be specified")


def _junctor(part: Mapping[str, Any], path: str, typed: bool) -> Iterator[Cause]:
    for field in _IN_JUNCTORS:
        if field in part and not (typed and field == "type"):
            yield faults.forbidden(f"{path}.{field}", "must be empty to be structural")


def _list(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    kind = schema.get("x-kubernetes-list-type")
    if kind is None:
        return
    yield from words.one_of(kind, _LIST_TYPES, f"{path}.x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if kind == "map" and not keys:
        text = "must not be empty if x-kubernetes-list-type is map"
        yield faults.required(f"{path}.x-kubernetes-list-map-keys", text)
    items = schema.get("items") or {}
    for key in keys:
        if key not in (items.get("properties") or {}):
            text = "entries must all be names of item properties"
            yield faults.invalid(f"{path}.x-kubernetes-list-map-keys", list(keys), text)
        elif key not in (items.get("required") or ()) and "default" not in items["properties"][key]:
            text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            yield faults.required(f"{path}.items.properties[{key}].default", text)


def _rules(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for index, raw in enumerate(schema.get("x-kubernetes-validations") or ()):
        at = f"{path}.x-kubernetes-validations[{index}].rule"
        if not (raw.get("rule") or "").strip():
            yield faults.required(at, "rule is not specified")
            continue
        try:
            Rule(raw)
        except ValueError as error:
            yield faults.invalid(at, raw["rule"], f"compilation failed: {str(error).splitlines()[0]}")


def _changes(spec: Object, before: Object) -> Iterator[Cause]:
    yield from words.unchanged(spec, before, ("scope", "group"), "spec")
    for field in ("kind", "plural"):
        if (names := spec.get("names") or {}).get(field) != (before.get("names") or {}).get(field):
            yield faults.invalid(f"spec.names.{field}", names.get(field), words.IMMUTABLE)
