"""JSON Patch (RFC 6902) with the habits of the library that Karmada uses, on plain data.

Where the RFC and that library differ, the library is followed: text before the first `/` of a path is ignored, negative
indexes count from the end, an empty last segment names the member `""`, and a path that begins with `//` acts on a copy
that nobody sees.
"""

import copy
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_INDEX = re.compile(r"[+-]?[0-9]+")


class PatchError(ValueError):
    """An operation does not fit the document; the message names its path."""


class Operation(NamedTuple):
    """One step. `value` is not looked at by `remove`."""

    operator: str
    """`add`, `remove` or `replace`."""
    path: str
    value: Any = None


def apply(document: Any, operations: Sequence[Operation]) -> Any:
    """`document` after all operations, in order. The one that was given stays as it is, whatever happens.

    Raises PatchError for the first operation that does not fit.
    """
    result = copy.deepcopy(document)
    for operation in operations:
        if operation.path.startswith("//"):
            _step(copy.deepcopy(document), operation._replace(path=operation.path[1:]))
        else:
            result = _step(result, operation)
    return result


def decode_segment(segment: str) -> str:
    """A segment of a JSON pointer (RFC 6901) as the key that it names."""
    return segment.replace("~1", "/").replace("~0", "~")


def encode_segment(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _step(document: Any, operation: Operation) -> Any:
    operator, path, value = operation
    if path == "":
        return _whole(operation)
    segments = [decode_segment(s) for s in path.split("/")[1:]]
    if not segments:
        raise PatchError(f"path {path!r} has no '/'")
    parent = document
    for segment in segments[:-1]:
        parent = _descend(parent, segment, path)
    last = segments[-1]
    if isinstance(parent, dict):
        _on_member(parent, operator, last, value, path)
    elif isinstance(parent, list):
        _on_element(parent, operator, last, value, path)
    else:
        raise PatchError(f"path {path!r} goes through a value that is neither object nor list")
    return document


def _whole(operation: Operation) -> Any:
    if operation.operator == "remove":
        raise PatchError("the whole document cannot be removed")
    if not isinstance(operation.value, dict | list):
        raise PatchError("the whole document can only be replaced by an object or list")
    return copy.deepcopy(operation.value)


def _descend(parent: Any, segment: str, path: str) -> Any:
    if isinstance(parent, dict):
        if not segment or segment not in parent:
            raise PatchError(f"path {path!r}: {segment!r} does not exist")
        return parent[segment]
    if isinstance(parent, list):
        return parent[_index(segment, len(parent), path)]
    raise PatchError(f"path {path!r} goes through a value that is neither object nor list")


def _on_member(parent: dict[str, Any], operator: str, key: str, value: Any, path: str) -> None:
    if operator != "add" and key not in parent and not (operator == "replace" and key == ""):
        raise PatchError(f"path {path!r} does not exist")
    if operator == "remove":
        del parent[key]
    else:
        parent[key] = copy.deepcopy(value)


def _on_element(parent: list[Any], operator: str, segment: str, value: Any, path: str) -> None:
    if operator == "add":
        at = len(parent) if segment == "-" else _index(segment, len(parent) + 1, path)
        parent.insert(at, copy.deepcopy(value))
    elif operator == "remove":
        del parent[_index(segment, len(parent), path)]
    else:
        parent[_index(segment, len(parent), path)] = copy.deepcopy(value)


def _index(segment: str, length: int, path: str) -> int:
    if not _INDEX.fullmatch(segment):
        raise PatchError(f"path {path!r}: {segment!r} is no index")
    index = int(segment)
    if not -length <= index < length:
        raise PatchError(f"path {path!r}: index {segment} is out of range")
    return index + length if index < 0 else index
