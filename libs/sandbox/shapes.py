"""How objects of one kind are made whole, pruned and checked: one face for built-in and custom kinds."""

from collections.abc import Sequence
from typing import Protocol

from libs.sandbox.statuses import Cause
from libs.sandbox.store import Object


class Shape(Protocol):
    """The schema of a kind at work."""

    def unknown(self, obj: Object) -> list[str]:
        """The paths of fields that the schema does not know."""
        ...

    def prune(self, obj: Object) -> Object:
        """The object without those fields."""
        ...

    def default(self, obj: Object) -> Object:
        """The object with its defaults filled in. What is passed in stays as it is."""
        ...

    def validate(self, obj: Object, old: Object | None) -> Sequence[Cause]:
        """What is wrong with the object, or with the change from `old`."""
        ...


class Free:
    """The shape of a kind that takes anything."""

    def unknown(self, obj: Object) -> list[str]:
        """Nothing."""
        return []

    def prune(self, obj: Object) -> Object:
        """The object itself."""
        return obj

    def default(self, obj: Object) -> Object:
        """The object itself."""
        return obj

    def validate(self, obj: Object, old: Object | None) -> Sequence[Cause]:
        """Nothing."""
        return ()
