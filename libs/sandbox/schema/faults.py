"""What is wrong with a field, in the words of k8s.io/apimachinery pkg/util/validation/field."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from libs.common.kube.errors import Cause

NO_VALUE: Final = object()
"""Stands for a value that is not shown."""

_encode: Final = msgspec.json.Encoder().encode


def shown(value: Any) -> str:
    """A value as messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return _encode(value).decode()


def invalid(field: str, value: Any, detail: str) -> Cause:
    """The value does not do."""
    return Cause(reason="FieldValueInvalid", message=_told("Invalid value", value, detail), field=field)


def of_type(field: str, value: Any, detail: str) -> Cause:
    """The value is of another type than the field."""
    return Cause(reason="FieldValueTypeInvalid", message=_told("Invalid value", value, detail), field=field)


def required(field: str, detail: str = "") -> Cause:
    """There is no value."""
    return Cause(reason="FieldValueRequired", message=_told("Required value", NO_VALUE, detail), field=field)


def forbidden(field: str, detail: str) -> Cause:
    """There may be no such value here, or it may not change."""
    return Cause(reason="FieldValueForbidden", message=_told("Forbidden", NO_VALUE, detail), field=field)


def duplicate(field: str, value: Any) -> Cause:
    """The value stands here already."""
    return Cause(reason="FieldValueDuplicate", message=_told("Duplicate value", value, ""), field=field)


def unsupported(field: str, value: Any, supported: Iterable[Any]) -> Cause:
    """The value is none of those that there are."""
    listed = ", ".join(f'"{item}"' if isinstance(item, str) else shown(item) for item in supported)
    message = _told("Unsupported value", value, f"supported values: {listed}")
    return Cause(reason="FieldValueNotSupported", message=message, field=field)


def too_long(field: str, limit: int) -> Cause:
    """The text is too long. `limit` in bytes, as messages call characters."""
    unit = "byte" if limit == 1 else "bytes"
    detail = f"may not be more than {limit} {unit}"
    return Cause(reason="FieldValueTooLong", message=_told("Too long", NO_VALUE, detail), field=field)


def too_many(field: str, count: int, limit: int) -> Cause:
    """The list or map holds too much."""
    unit = "item" if limit == 1 else "items"
    detail = f"must have at most {limit} {unit}"
    return Cause(reason="FieldValueTooMany", message=_told("Too many", count, detail), field=field)


def of_rule(reason: str, field: str, value: Any, detail: str) -> Cause:
    """What a CEL rule says, which may name its own reason."""
    seen = NO_VALUE if isinstance(value, dict | list) else value
    match reason:
        case "FieldValueForbidden":
            return forbidden(field, detail)
        case "FieldValueRequired":
            return required(field, detail)
        case "FieldValueDuplicate":
            return duplicate(field, seen)
    return invalid(field, seen, detail)


def _told(what: str, value: Any, detail: str) -> str:
    told = what if value is NO_VALUE else f"{what}: {shown(value)}"
    return f"{told}: {detail}" if detail else told
