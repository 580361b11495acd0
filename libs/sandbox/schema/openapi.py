"""OpenAPI v3 documents, one for each group version: what `kubectl explain` prints and what kubectl learns before it
writes, above all that the server itself checks fields (`fieldValidation`).

Reference: k8s.io/kubernetes api/openapi-spec/v3.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from libs.sandbox.schema import components

_REFERENCE: Final = "#/components/schemas/"

_ROOT_TEXTS: Final = {
    "apiVersion": "APIVersion defines the versioned schema of this representation of an object.",
    "kind": "Kind is a string value representing the REST resource this object represents.",
}
_QUERY: Final = {"in": "query", "schema": {"type": "string", "uniqueItems": True}}
_WRITE_PARAMETERS: Final = [
    {"name": name, "description": text, **_QUERY}
    for name, text in (
        ("dryRun", "When present, indicates that modifications should not be persisted: All."),
        ("fieldManager", "The name associated with the actor or entity that is making these changes."),
        ("fieldValidation", "How to handle unknown and duplicate fields: Ignore, Warn, Strict."),
    )
]
_PATCH_TYPES: Final = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_STRATEGIC: Final = "application/strategic-merge-patch+json"
"""Built-in kinds take it too; kubectl looks here before it sends one."""


class Served(Protocol):
    """A served kind in a version."""

    @property
    def group(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def plural(self) -> str: ...
    @property
    def namespaced(self) -> bool: ...
    @property
    def subresources(self) -> tuple[str, ...]: ...
    @property
    def verbs(self) -> tuple[str, ...]: ...


def path(group: str, version: str) -> str:
    """Where the document of a group version stands below `/openapi/v3/`, which is also its key in the index."""
    return f"apis/{group}/{version}" if group else f"api/{version}"


def fingerprint(resources: Sequence[Served], schemas: Mapping[str, Mapping[str, Any]]) -> str:
    """Changes when `document` would: the `hash` of the URL in the index. Cheap for built-in kinds."""
    served = sorted((each.plural, each.namespaced, each.subresources) for each in resources)
    return hashlib.sha256(msgspec.json.encode([served, schemas], order="deterministic")).hexdigest().upper()


def document(resources: Sequence[Served], schemas: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The document of one group version.

    `resources` are all kinds that it serves, `schemas` the `openAPIV3Schema` of the custom ones by kind.
    """
    types: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for resource in resources:
        name = _component(resource)
        custom = schemas.get(resource.kind)
        if custom is not None or not name:
            name = _custom_name(resource)
            types[name] = _custom(resource, custom or {"type": "object"})
            types[name + "List"] = _custom_list(resource, name)
            _close(types, [components.OBJECT_META, components.LIST_META])
        else:
            listed = [f"{name}List"] if components.exists(f"{name}List") else []
            _close(types, [name, *listed])
        paths.update(_paths(resource, name))
    whole = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.0"},
        "paths": paths,
        "components": {"schemas": types},
    }
    return msgspec.json.encode(whole)


def _component(resource: Served) -> str:
    return components.of_kind(resource.group, resource.version, resource.kind)


def _custom_name(resource: Served) -> str:
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def _custom(resource: Served, schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = dict(schema.get("properties", {}))
    properties |= {name: {"type": "string", "description": text} for name, text in _ROOT_TEXTS.items()}
    properties["metadata"] = {
        "description": "Standard object's metadata.",
        "allOf": [{"$ref": _REFERENCE + components.OBJECT_META}],
    }
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": [_gvk(resource)]}


def _custom_list(resource: Served, name: str) -> dict[str, Any]:
    kind = {**_gvk(resource), "kind": resource.kind + "List"}
    properties: dict[str, Any] = {key: {"type": "string", "description": text} for key, text in _ROOT_TEXTS.items()}
    properties["metadata"] = {"allOf": [{"$ref": _REFERENCE + components.LIST_META}]}
    properties["items"] = {"type": "array", "items": {"allOf": [{"$ref": _REFERENCE + name}]}}
    return {
        "type": "object",
        "required": ["items"],
        "properties": properties,
        "x-kubernetes-group-version-kind": [kind],
    }


def _close(types: dict[str, Any], names: Sequence[str]) -> None:
    """Adds built-in types and all that they refer to."""
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in types:
            continue
        references: list[str] = []
        types[name] = _published(components.raw(name), components.descriptions(name), references)
        waiting += references


def _published(schema: Mapping[str, Any], texts: Mapping[str, str], references: list[str]) -> dict[str, Any]:
    made = _expanded(schema, references)
    if "" in texts:
        made["description"] = texts[""]
    for name, part in made.get("properties", {}).items():
        if name in texts:
            part["description"] = texts[name]
    return made


def _expanded(schema: Mapping[str, Any], references: list[str]) -> dict[str, Any]:
    """The schema with whole references, beside which other keywords may stand."""
    made: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "$ref":
                references.append(value)
                made["allOf"] = [{"$ref": _REFERENCE + value}]
            case "properties":
                made[key] = {name: _expanded(part, references) for name, part in value.items()}
            case "items" | "additionalProperties" if isinstance(value, Mapping):
                made[key] = _expanded(value, references)
            case _:
                made[key] = value
    return made


def _gvk(resource: Served) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _paths(resource: Served, name: str) -> Iterator[tuple[str, Any]]:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    collection = f"{root}/{resource.plural}"
    if resource.namespaced:
        if "list" in resource.verbs:
            yield collection, {"get": _operation(resource, "list", name)}
        collection = f"{root}/namespaces/{{namespace}}/{resource.plural}"
    verbs = {"get": "list", "post": "create", "delete": "deletecollection"}
    yield collection, {m: _operation(resource, verb, name) for m, verb in verbs.items() if verb in resource.verbs}
    if "get" not in resource.verbs:
        return
    verbs = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}
    one = {method: _operation(resource, verb, name) for method, verb in verbs.items() if verb in resource.verbs}
    yield f"{collection}/{{name}}", one
    if "status" in resource.subresources:
        yield f"{collection}/{{name}}/status", {key: one[key] for key in ("get", "put", "patch") if key in one}


def _operation(resource: Served, verb: str, name: str) -> dict[str, Any]:
    reference = {"allOf": [{"$ref": _REFERENCE + name}]}
    made: dict[str, Any] = {
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
        "x-kubernetes-group-version-kind": _gvk(resource),
        "responses": {"200": {"description": "OK"}},
    }
    if verb in ("create", "update", "patch"):
        made["parameters"] = _WRITE_PARAMETERS
        built_in = name == _component(resource)
        types = (*_PATCH_TYPES, *([_STRATEGIC] if built_in else [])) if verb == "patch" else ("*/*",)
        body = {"type": "object"} if verb == "patch" else reference
        made["requestBody"] = {"content": {type_: {"schema": body} for type_ in types}, "required": True}
    if verb == "get":
        made["responses"] = {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}}
    return made
