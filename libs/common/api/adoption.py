"""Kinds whose objects a new template takes over instead of making them anew: deleting one deletes what it holds.

Whoever orders removals and whoever carries them out must agree on them.
"""

from typing import Final

_ADOPTED: Final = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)
"""Group and kind."""


def is_adopted(api_version: str, kind: str) -> bool:
    """Whether a member's object of that kind outlives the template that it was made from, if there is a new one."""
    return (api_version.rpartition("/")[0], kind) in _ADOPTED
