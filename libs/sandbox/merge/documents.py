"""Patches that know nothing of schemas: JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

from collections.abc import Mapping, Sequence
from typing import Any


class Unfit(Exception):
    """The patch cannot be applied to this document; the message says where."""


def merged(target: Any, patch: Any) -> Any:
    """The document that a merge patch makes of `target`, which stays as it is."""
    if not isinstance(patch, Mapping):
        return patch
    made = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def patched(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """The document after all operations of a JSON patch. `document` is changed: pass a copy. Raises Unfit."""
    for operation in operations:
        document = _apply(document, operation)
    return document


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    kind, path = operation.get("op"), operation.get("path")
    if not isinstance(path, str):
        raise Unfit("json patch operation without a path")
    match kind:
        case "add" | "replace" | "test" if "value" not in operation:
            raise Unfit(f"{kind} operation at {path!r} has no value")
        case "add":
            return _add(document, path, operation["value"])
        case "remove":
            return _remove(document, path)[0]
        case "replace":
            if not path:
                return operation["value"]
            _get(document, path, "replace")
            return _set(document, path, operation["value"])
        case "move":
            document, value = _remove(document, str(operation.get("from")))
            return _add(document, path, value)
        case "copy":
            return _add(document, path, _copy(_get(document, str(operation.get("from")), "copy")))
        case "test":
            return _test(document, path, operation["value"])
    raise Unfit(f"unexpected operation kind: {kind}")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _test(document: Any, path: str, value: Any) -> Any:
    try:
        found = _get(document, path, "test")
    except Unfit:
        if value is None:
            return document
        raise
    if found != value:
        raise Unfit(f"testing value {path} failed: test failed")
    return document


def _parts(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise Unfit(f"{pointer!r} is not a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _index(part: str, length: int, path: str) -> int:
    if not part.isdecimal() or int(part) >= length:
        raise Unfit(f"Unable to access invalid index: {part} in {path}: index is out of bounds")
    return int(part)


def _step(value: Any, part: str, path: str, verb: str) -> Any:
    if isinstance(value, dict):
        if part in value:
            return value[part]
    elif isinstance(value, list):
        return value[_index(part, len(value), path)]
    raise Unfit(f"{verb} operation does not apply: doc is missing path: {path}: missing value")


def _get(document: Any, path: str, verb: str) -> Any:
    for part in _parts(path):
        document = _step(document, part, path, verb)
    return document


def _holder(document: Any, path: str, verb: str) -> tuple[Any, str]:
    if not path:
        raise Unfit(f"{verb} operation does not apply to the whole document")
    *parts, last = _parts(path)
    for part in parts:
        document = _step(document, part, path, verb)
    return document, last


def _add(document: Any, path: str, value: Any) -> Any:
    if not path:
        return value
    holder, last = _holder(document, path, "add")
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list):
        holder.insert(len(holder) if last == "-" else _index(last, len(holder) + 1, path), value)
    else:
        raise Unfit(f"add operation does not apply: doc is missing path: {path}: missing value")
    return document


def _set(document: Any, path: str, value: Any) -> Any:
    holder, last = _holder(document, path, "replace")
    if isinstance(holder, list):
        holder[_index(last, len(holder), path)] = value
    else:
        holder[last] = value
    return document


def _remove(document: Any, path: str) -> tuple[Any, Any]:
    holder, last = _holder(document, path, "remove")
    value = _step(holder, last, path, "remove")
    if isinstance(holder, list):
        del holder[int(last)]
    else:
        del holder[last]
    return document, value
