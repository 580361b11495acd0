"""How objects of one kind are made whole, pruned and checked: one face for built-in and custom kinds."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from libs.sandbox.schema import nodes
from libs.sandbox.statuses import Cause


class Shape(Protocol):
    """The schema of a kind at work."""

    node: nodes.Node

    def malformed(self, obj: Mapping[str, Any]) -> str:
        """The message of a refusal if a field has the wrong type, else empty. To be asked before `default`."""
        ...

    def unknown(self, obj: Mapping[str, Any]) -> list[str]:
        """The paths of fields that the schema does not know."""
        ...

    def prune(self, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object without those fields."""
        ...

    def default(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The object with its defaults filled in. What is passed in stays as it is."""
        ...

    def validate(self, obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Sequence[Cause]:
        """What is wrong with the object, or with the change from `old`."""
        ...


class Free:
    """The shape of a kind that takes anything."""

    node = nodes.ANY

    def malformed(self, obj: Mapping[str, Any]) -> str:
        """Nothing."""
        return ""

    def unknown(self, obj: Mapping[str, Any]) -> list[str]:
        """Nothing."""
        return []

    def prune(self, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object itself."""
        return obj

    def default(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The object itself."""
        return dict(obj)

    def validate(self, obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Sequence[Cause]:
        """Nothing."""
        return ()
