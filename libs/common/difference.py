"""JSON merge patches (RFC 7386): the smallest write that turns one object into another."""

from typing import Any

Object = dict[str, Any]


def merge_patch(old: Object, new: Object) -> Object:
    """The merge patch that makes `new` of `old`; empty when they are equal. Lists are replaced whole."""
    patch: Object = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            nested = merge_patch(before, value)
            if nested:
                patch[key] = nested
        elif key not in old or before != value:
            patch[key] = value
    return patch
