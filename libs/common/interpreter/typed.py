"""Reading and writing parts of Kubernetes objects as Go does through its types, without forcing whole objects through.

A *form* is a function that checks a JSON value and returns it as Go would print it: unknown fields and zero values
gone, times in UTC with whole seconds. `struct`, `each` and `mapping` build forms from forms.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

Form: TypeAlias = Callable[[Any, str], Any]
"""Takes a value that is not null and its path (for messages); returns the canonical value."""


class InterpretError(Exception):
    """An object that cannot be interpreted: a field has another type than its kind says, or is missing."""


def integer(value: Any, path: str) -> int:
    """A whole number; floats without a fraction count as one, as in Go's conversion of decoded JSON."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return json_integer(value, path)


def json_integer(value: Any, path: str) -> int:
    """A number that is written as an integer in JSON."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InterpretError(f"{path}: expected an integer, got {value!r}")
    return value


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise InterpretError(f"{path}: expected a string, got {value!r}")
    return value


def boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise InterpretError(f"{path}: expected true or false, got {value!r}")
    return value


def time(value: Any, path: str) -> str:
    """RFC 3339 in UTC with whole seconds."""
    try:
        moment = datetime.fromisoformat(text(value, path))
    except ValueError as error:
        raise InterpretError(f"{path}: expected an RFC 3339 time, got {value!r}") from error
    if moment.tzinfo is None:
        raise InterpretError(f"{path}: expected an RFC 3339 time with a zone, got {value!r}")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def anything(value: Any, path: str) -> Any:
    return value


def struct(fields: Mapping[str, Form], *, always: Mapping[str, Any] | None = None, kept: Collection[str] = ()) -> Form:
    """The form of an object with these fields.

    Args:
        always: fields that are written even when absent, with their zero.
        kept: fields that are written when present, even with a zero value.
    """
    zeros = always or {}

    def form(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InterpretError(f"{path}: expected an object, got {value!r}")
        result = dict(zeros)
        for name, field in fields.items():
            raw = value.get(name)
            if raw is None:
                continue
            canonical = field(raw, f"{path}.{name}")
            if canonical or name in zeros or name in kept:
                result[name] = canonical
        return result

    return form


def each(item: Form) -> Form:
    """The form of a list."""

    def form(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise InterpretError(f"{path}: expected a list, got {value!r}")
        return [item({} if v is None else v, f"{path}[{i}]") for i, v in enumerate(value)]

    return form


def mapping(item: Form) -> Form:
    """The form of a map with free keys."""

    def form(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InterpretError(f"{path}: expected an object, got {value!r}")
        return {key: item(v, f"{path}.{key}") for key, v in value.items() if v is not None}

    return form


def at(obj: Mapping[str, Any], *path: str, form: Form) -> Any:
    """The field at `path` in its form; None if it is absent, or anything on the way is.

    Raises:
        InterpretError: it has another type, or something on the way to it is no object.
    """
    value: Any = obj
    for index, name in enumerate(path):
        if not isinstance(value, dict):
            raise InterpretError(f"{'.'.join(path[:index])}: expected an object, got {value!r}")
        value = value.get(name)
        if value is None:
            return None
    return form(value, ".".join(path))


def raw(obj: Mapping[str, Any], *path: str, form: Form) -> Any:
    """As `at`, but a field that is present and null is an error, as in Go's readers of unstructured objects."""
    holder: Any = obj
    for index, name in enumerate(path[:-1]):
        holder = holder.get(name)
        if holder is None:
            return None
        if not isinstance(holder, dict):
            raise InterpretError(f"{'.'.join(path[: index + 1])}: expected an object, got {holder!r}")
    return form(holder[path[-1]], ".".join(path)) if path[-1] in holder else None


def replaced(obj: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """A copy of `obj` with `value` at `path`; what is not on the path is shared, missing objects are made."""
    name, *rest = path
    if rest:
        value = replaced(obj.get(name) or {}, value, *rest)
    return {**obj, name: value}


def without(obj: dict[str, Any], *path: str) -> dict[str, Any]:
    """A copy of `obj` without the field at `path`; `obj` itself if there is none."""
    name, *rest = path
    if name not in obj:
        return obj
    if not rest:
        return {key: value for key, value in obj.items() if key != name}
    inner = obj[name]
    if not isinstance(inner, dict):
        return obj
    outer = without(inner, *rest)
    return obj if outer is inner else {**obj, name: outer}


CONDITION = struct(
    {
        "type": text,
        "status": text,
        "observedGeneration": integer,
        "lastProbeTime": time,
        "lastUpdateTime": time,
        "lastHeartbeatTime": time,
        "lastTransitionTime": time,
        "reason": text,
        "message": text,
    },
    always={"type": "", "status": ""},
)
"""A condition of any built-in kind."""
