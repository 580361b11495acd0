"""The overriders of one rule: pure functions from object to object, in Karmada's fixed order.

What makes Karmada's controller crash is an error here, as every other misfit: it stops that object on that cluster.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from libs.common.api.meta import Template
from libs.common.api.override import (
    CommandArgsOverrider,
    FieldOverrider,
    FieldPatchOperation,
    ImageOverrider,
    LabelAnnotationOverrider,
    Overriders,
    PlaintextOverrider,
)
from services.policy.core import documents, images, jsonpatch
from services.policy.core.jsonpatch import Operation

_POD_TEMPLATES = frozenset({"ReplicaSet", "Deployment", "DaemonSet", "StatefulSet", "Job"})


class MisfitError(ValueError):
    """An overrider does not fit the object; the message names the field."""


def apply(template: Template, overriders: Overriders) -> Template:
    """The object after all overriders. Raises MisfitError."""
    try:
        for image in overriders.image_overrider or ():
            template = _image(template, image)
        for field, entries in (("command", overriders.command_overrider), ("args", overriders.args_overrider)):
            for entry in entries or ():
                template = _command(template, field, entry)
        for field, changes in (
            ("labels", overriders.labels_overrider),
            ("annotations", overriders.annotations_overrider),
        ):
            for change in changes or ():
                template = _metadata(template, field, change)
        for document in overriders.field_overrider or ():
            template = _document(template, document)
        return _plaintext(template, overriders.plaintext or ())
    except (images.ImageError, documents.DocumentError, jsonpatch.PatchError) as error:
        raise MisfitError(str(error)) from error


# ---- images ----


def _image(template: Template, overrider: ImageOverrider) -> Template:
    def changed(text: Any) -> str:
        if not isinstance(text, str):
            raise MisfitError(f"an image must be text, not {text!r}")
        return images.override(text, overrider.component, overrider.operator, overrider.value)

    if overrider.predicate is not None:
        path = overrider.predicate.path
        if not path.startswith("/"):
            raise MisfitError(f"image path {path!r} must begin with '/'")
        value = changed(_text_at(template, path))
        return _patched(template, [Operation("replace", path, value)])
    return _each_container(template, lambda c: {**c, "image": changed(c.get("image", ""))}, strict=True)


def _text_at(template: Template, path: str) -> str:
    """The text that a predicate's path leads to: map members, and elements of lists of maps."""
    segments = iter(path.strip("/").split("/"))
    at: Any = template
    *inner, last = segments
    rest = iter(inner)
    for segment in rest:
        at = at.get(segment) if isinstance(at, dict) else None
        if isinstance(at, list):
            at = _element(at, next(rest, None), path)
        if not isinstance(at, dict):
            raise MisfitError(f"image path {path!r} does not lead to text: {segment!r} is no object")
    value = at.get(last) if isinstance(at, dict) else None
    if not isinstance(value, str):
        raise MisfitError(f"image path {path!r} does not lead to text")
    return value


def _element(elements: list[Any], segment: str | None, path: str) -> Any:
    if segment is None or not segment.lstrip("+-").isdecimal() or not 0 <= int(segment) < len(elements):
        raise MisfitError(f"image path {path!r}: {segment!r} is no index of the list")
    return elements[int(segment)]


# ---- containers ----


def _each_container(
    template: Template, change: Callable[[dict[str, Any]], dict[str, Any]], *, strict: bool = False
) -> Template:
    """Changes every container of the kinds whose containers are overridden; other kinds stay as they are."""
    where = _containers_path(template.get("kind", ""))
    parents: list[Any] = [template]
    for field in where[:-1]:
        child = parents[-1].get(field)
        if child is None:
            return template
        if not isinstance(child, dict):
            raise MisfitError(f"{'.'.join(where[:-1])} is no object")
        parents.append(child)
    containers = parents[-1].get("containers") if where else None
    if containers is None:
        return template
    if not isinstance(containers, list) or not all(isinstance(c, dict) for c in containers):
        raise MisfitError(f"{'.'.join(where)} is no list of objects")
    result: Any = [change(c) for c in containers]
    for parent, field in zip(reversed(parents), reversed(where), strict=True):
        result = {**parent, field: result}
    return result if strict or result != template else template


def _containers_path(kind: str) -> list[str]:
    if kind == "Pod":
        return ["spec", "containers"]
    return ["spec", "template", "spec", "containers"] if kind in _POD_TEMPLATES else []


def _command(template: Template, field: str, overrider: CommandArgsOverrider) -> Template:
    value = overrider.value or []

    def changed(container: dict[str, Any]) -> dict[str, Any]:
        if container.get("name") != overrider.container_name:
            return container
        present = container.get(field)
        if present is not None and not isinstance(present, list):
            raise MisfitError(f"{field} of container {overrider.container_name!r} is no list")
        if overrider.operator == "add":
            return {**container, field: [*(present or ()), *value]}
        return {**container, field: [item for item in present or () if item not in value]}

    return _each_container(template, changed)


# ---- labels and annotations ----


def _metadata(template: Template, field: str, overrider: LabelAnnotationOverrider) -> Template:
    value: Mapping[str, str] = overrider.value or {}
    metadata = template.get("metadata") or {}
    current = metadata.get(field)
    sound = isinstance(current, dict) and all(isinstance(v, str) for v in current.values())
    have: dict[str, str] = dict(current) if isinstance(current, dict) and sound else {}
    match overrider.operator:
        case "add":
            wanted: dict[str, str] = {**have, **value}
        case "replace":
            wanted = {**have, **{k: v for k, v in value.items() if k in have}}
        case "remove":
            wanted = {k: v for k, v in have.items() if k not in value}
    if not value or (not sound and overrider.operator != "add"):
        return template
    return {**template, "metadata": {**metadata, field: wanted}}


# ---- documents in fields ----


def _document(template: Template, overrider: FieldOverrider) -> Template:
    path = overrider.field_path
    if not path.startswith("/"):
        raise MisfitError(f"field path {path!r} must begin with '/'")
    at: Any = template
    for segment in map(jsonpatch.decode_segment, path.split("/")[1:]):
        at = _child(at, segment, path)
    if not isinstance(at, str):
        raise MisfitError(f"field path {path!r} does not lead to text")
    if overrider.yaml:
        text = documents.patch_yaml(at, [_operation(o) for o in overrider.yaml])
    elif overrider.json:
        text = documents.patch_json(at, [_operation(o) for o in overrider.json])
    else:
        text = ""
    changed: Template = _with_text(template, path, text)
    return changed


def _child(parent: Any, segment: str, path: str) -> Any:
    if isinstance(parent, dict) and segment in parent:
        return parent[segment]
    if isinstance(parent, list) and segment.isdecimal() and int(segment) < len(parent):
        return parent[int(segment)]
    raise MisfitError(f"field path {path!r}: {segment!r} does not exist")


def _with_text(parent: Any, path: str, text: str) -> Any:
    """`parent` with `text` at `path`, which exists; nothing is changed in place."""
    first, deeper, rest = path[1:].partition("/")
    key: Any = jsonpatch.decode_segment(first)
    if isinstance(parent, list):
        key = int(key)
        changed: Any = list(parent)
    else:
        changed = dict(parent)
    changed[key] = _with_text(parent[key], f"/{rest}", text) if deeper else text
    return changed


# ---- plain text ----


def _plaintext(template: Template, overriders: Sequence[PlaintextOverrider]) -> Template:
    if not overriders:
        return template
    return _patched(template, [Operation(o.operator, o.path, _value(o.value)) for o in overriders])


def _patched(template: Template, operations: Sequence[Operation]) -> Template:
    result = jsonpatch.apply(template, operations)
    if not isinstance(result, dict) or not isinstance(result.get("kind"), str) or not result["kind"]:
        raise MisfitError("the object has no kind left")
    return result


def _operation(operation: FieldPatchOperation) -> Operation:
    return Operation(operation.operator, operation.sub_path, _value(operation.value))


def _value(value: Any) -> Any:
    return None if value is msgspec.UNSET else value
