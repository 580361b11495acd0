"""Built-in kinds: defaults, unknown fields, types, validation and merge rules, by the type that serves a kind."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from libs.common.kube.errors import Cause
from libs.sandbox.schema import components, decoding, nodes
from libs.sandbox.schema.checks import tables


class Kinded(Protocol):
    """Anything that names a kind in a version."""

    @property
    def group(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def kind(self) -> str: ...


class BuiltIn:
    """A built-in kind at work. Objects that are passed in stay as they are."""

    def __init__(self, group: str, version: str, kind: str) -> None:
        component = components.of_kind(group, version, kind)
        self.node = components.node(component) if component else nodes.ANY
        self._title = f'{kind} in version "{version}" cannot be handled as a {kind}'
        self._check = tables.BY_KIND.get((group, kind))

    def unknown(self, obj: Mapping[str, Any]) -> list[str]:
        """The paths of fields that the kind does not have."""
        return list(decoding.unknown(self.node, obj))

    def malformed(self, obj: Mapping[str, Any]) -> str:
        """The message of the refusal (400) if a field has the wrong type, else empty."""
        text = decoding.malformed(self.node, obj)
        return f"{self._title}: {text}" if text else ""

    def prune(self, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object itself: `default` leaves unknown fields out."""
        return obj

    def default(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """A new object, as Go's decoding and the kind's defaults make it. The object must not be malformed."""
        made: dict[str, Any] = decoding.completed(self.node, obj)
        return made

    def validate(self, obj: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> Sequence[Cause]:
        """What is wrong with an object that has its defaults, or with the change from `old`."""
        if self._check is None or (old is not None and _wants_the_same(obj, old)):
            return ()
        return list(self._check(obj, old))


def _wants_the_same(obj: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether two states differ in status and metadata alone. What is stored was valid once."""
    return all(obj.get(key) == old.get(key) for key in {*obj, *old} if key not in ("metadata", "status"))


@cache
def _of(group: str, version: str, kind: str) -> BuiltIn:
    return BuiltIn(group, version, kind)


def of(resource: Kinded) -> BuiltIn:
    """The built-in kind of a resource; one that takes anything if there is none of that name."""
    return _of(resource.group, resource.version, resource.kind)
