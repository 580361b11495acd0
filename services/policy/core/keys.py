"""Labels and annotations: maps of text in which None stands for a key to be taken away."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")


def with_changes(current: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str] | None:
    """The map after `changes`; None instead of an empty one."""
    merged = {**current, **changes}
    return {key: value for key, value in merged.items() if value is not None} or None


def missing(current: Mapping[str, str] | None, changes: Mapping[str, str | None]) -> dict[str, str | None]:
    """The part of `changes` that the map does not show yet."""
    have = current or {}
    return {key: value for key, value in changes.items() if have.get(key) != value}


def parsed(text: str | None, decode: Callable[[str], T]) -> T | None:
    """What an annotation says; None if there is none, or a hand has written there what `decode` cannot read."""
    try:
        return decode(text) if text else None
    except (msgspec.DecodeError, RecursionError):
        return None
