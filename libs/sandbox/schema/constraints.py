"""What a structural schema says of one value beyond its type: limits, patterns, formats, enums, combinations.

The words are those of k8s.io/kube-openapi pkg/validation.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any, Final
from uuid import UUID

from libs.common.kube.errors import Cause
from libs.sandbox.schema import faults

_NUMBERS: Final = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf")
_TEXTS: Final = ("enum", "format", "pattern", "minLength", "maxLength")
_COUNTS: Final = ("minItems", "maxItems", "minProperties", "maxProperties")
CONSTRAINTS: Final = frozenset(_NUMBERS + _TEXTS + _COUNTS)


def check(raw: Mapping[str, Any], value: Any, path: str) -> Iterator[Cause]:
    """What is wrong with a value of the right type."""
    match value:
        case str():
            yield from _text(raw, value, path)
        case bool():
            pass
        case int() | float():
            yield from _number(raw, value, path)
        case list():
            yield from _count(raw, len(value), path, "Items", "items")
        case dict():
            yield from _count(raw, len(value), path, "Properties", "properties")
    if "enum" in raw and value not in raw["enum"]:
        yield faults.unsupported(path, value, raw["enum"])


def _text(raw: Mapping[str, Any], value: str, path: str) -> Iterator[Cause]:
    if (limit := raw.get("maxLength")) is not None and len(value) > limit:
        yield faults.too_long(path, limit)
    elif (limit := raw.get("minLength")) is not None and len(value) < limit:
        yield faults.invalid(path, value, f"{path} in body should be at least {limit} chars long")
    elif (pattern := raw.get("pattern")) and not _pattern(pattern).search(value):
        yield faults.invalid(path, value, f"{path} in body should match '{pattern}'")
    form = raw.get("format", "")
    if form in _FORMATS and not _is_of_format(form, value):
        yield faults.of_type(path, value, f"{path} in body must be of type {form}: {faults.shown(value)}")


def _number(raw: Mapping[str, Any], value: float, path: str) -> Iterator[Cause]:
    if (limit := raw.get("minimum")) is not None:
        exclusive = bool(raw.get("exclusiveMinimum"))
        if value < limit or (exclusive and value == limit):
            words = "greater than" if exclusive else "greater than or equal to"
            yield faults.invalid(path, value, f"{path} in body should be {words} {limit}")
    if (limit := raw.get("maximum")) is not None:
        exclusive = bool(raw.get("exclusiveMaximum"))
        if value > limit or (exclusive and value == limit):
            words = "less than" if exclusive else "less than or equal to"
            yield faults.invalid(path, value, f"{path} in body should be {words} {limit}")
    if (step := raw.get("multipleOf")) and value % step:
        yield faults.invalid(path, value, f"{path} in body should be a multiple of {step}")


def _count(raw: Mapping[str, Any], count: int, path: str, what: str, words: str) -> Iterator[Cause]:
    if (limit := raw.get(f"max{what}")) is not None and count > limit:
        yield faults.too_many(path, count, limit)
    if (limit := raw.get(f"min{what}")) is not None and count < limit:
        yield faults.invalid(path, count, f"{path} in body should have at least {limit} {words}")


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled. One that only Go understands matches everything."""
    try:
        return re.compile(pattern.replace(r"\z", r"\Z"))
    except re.error:
        return re.compile("")


def _date_time(value: str) -> object:
    return datetime.fromisoformat(value)


def _duration(value: str) -> object:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h|d|w))+|0", value):
        raise ValueError(value)
    return value


def _uri(value: str) -> object:
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|/", value):
        raise ValueError(value)
    return value


def _email(value: str) -> object:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError(value)
    return value


def _hostname(value: str) -> object:
    if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*", value):
        raise ValueError(value)
    return value


_FORMATS: Final[Mapping[str, Callable[[str], object]]] = {
    "date-time": _date_time,
    "date": date.fromisoformat,
    "duration": _duration,
    "uuid": UUID,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "cidr": lambda value: ip_network(value, strict=False),
    "uri": _uri,
    "email": _email,
    "hostname": _hostname,
}


def _is_of_format(form: str, value: str) -> bool:
    try:
        _FORMATS[form](value)
    except ValueError:
        return False
    return True
