"""CustomResourceDefinitions: whether their names are accepted, and what they make the server serve.

What kube-apiserver leaves to controllers happens here within the write: a definition is served when its creation has
been answered (k8s.io/apiextensions-apiserver pkg/controller/status, establish, finalizer).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from libs.sandbox.kinds import Resource
from libs.sandbox.schema import structural
from libs.sandbox.shapes import Free, Shape
from libs.sandbox.store import Object

FINALIZER: Final = "customresourcecleanup.apiextensions.k8s.io"
_AGE: Final = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


class Custom(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a custom kind: how it is served, checked and printed, and where its replicas stand."""

    resource: Resource
    shape: Shape
    schema: Mapping[str, Any]
    columns: tuple[Mapping[str, Any], ...]
    scale: Mapping[str, str] | None = None


def served(definition: Object) -> list[Custom]:
    """What a definition makes the server serve; nothing before its names are accepted."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    if not any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
        return []
    return [_custom(definition, version) for version in definition["spec"]["versions"] if version.get("served")]


def _custom(definition: Object, version: Mapping[str, Any]) -> Custom:
    spec = definition["spec"]
    names = _completed(spec["names"])
    subresources = version.get("subresources") or {}
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    resource = Resource(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names["singular"],
        list_kind=names["listKind"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(sorted(subresources)),
        stored=next(each["name"] for each in spec["versions"] if each.get("storage")),
        custom=True,
        selectable=tuple(each["jsonPath"].lstrip(".") for each in version.get("selectableFields") or ()),
    )
    return Custom(
        resource=resource,
        shape=structural.Structural(schema) if schema else Free(),
        schema=schema or {},
        columns=tuple(version.get("additionalPrinterColumns") or (_AGE,)),
        scale=subresources.get("scale"),
    )


def warnings(definition: Object) -> Iterator[str]:
    """What the client should know about a valid definition: rules of its schemas that this server does not run."""
    for version in definition["spec"]["versions"]:
        for rule in structural.Structural((version.get("schema") or {}).get("openAPIV3Schema") or {}).skipped_rules:
            yield f"rule needs functions that the embedded API server lacks and is not run: {rule}"


def accepted(definition: Object, others: Iterable[Resource], now: str) -> Object:
    """The definition with the status of its names: accepted unless another kind of the group has one of them.

    A definition that is not whole comes back as it is: validation, which is next, says what is missing.
    """
    if not _is_whole(definition):
        return definition
    spec, status = definition["spec"], definition.get("status") or {}
    names = _completed(spec["names"])
    conflict = _conflict(names, [each for each in others if each.group == spec["group"]])
    before = {each["type"]: each for each in status.get("conditions") or ()}
    if conflict:
        wanted = [_condition("NamesAccepted", "False", "NameConflict", conflict, now)]
        if "Established" not in before:
            text = "not all names are accepted"
            wanted.append(_condition("Established", "False", "NotAccepted", text, now))
        names = status.get("acceptedNames") or {"plural": "", "kind": ""}
    else:
        text = "the initial names have been accepted"
        wanted = [
            _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now),
            _condition("Established", "True", "InitialNamesAccepted", text, now),
        ]
    stored = list(status.get("storedVersions") or ())
    stored += [each["name"] for each in spec["versions"] if each.get("storage") and each["name"] not in stored]
    for each in wanted:
        if each["status"] != (before.get(each["type"]) or {}).get("status"):
            before[each["type"]] = each
    made = {**status, "conditions": list(before.values()), "acceptedNames": names, "storedVersions": stored}
    meta = definition["metadata"]
    finalizers = list(meta.get("finalizers") or ())
    if FINALIZER not in finalizers and not meta.get("deletionTimestamp"):
        meta = {**meta, "finalizers": [*finalizers, FINALIZER]}
    spec = {**spec, "names": _completed(spec["names"])}
    return {**definition, "metadata": meta, "spec": spec, "status": made}


def _is_whole(definition: Object) -> bool:
    spec = definition.get("spec") or {}
    names = spec.get("names") or {}
    versions = spec.get("versions") or ()
    named = bool(versions) and all(each.get("name") for each in versions)
    return all((spec.get("group"), named, spec.get("scope"), names.get("kind"), names.get("plural")))


def _completed(names: Mapping[str, Any]) -> dict[str, Any]:
    kind = names["kind"]
    given = {key: value for key, value in names.items() if value}
    return {"singular": kind.lower(), "listKind": kind + "List"} | given


def _conflict(names: Mapping[str, Any], others: Iterable[Resource]) -> str:
    asked = {names["plural"], names["singular"], *(names.get("shortNames") or ())}
    for each in others:
        if each.plural == names["plural"]:
            continue
        taken = asked & {each.plural, each.singular, *each.short_names}
        if taken:
            return f'"{min(taken)}" is already in use'
        if names["kind"] in (each.kind, each.list_kind):
            return f'"{names["kind"]}" is already in use'
    return ""


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> dict[str, str]:
    return {"lastTransitionTime": now, "message": message, "reason": reason, "status": status, "type": kind}
