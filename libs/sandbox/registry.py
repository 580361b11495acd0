"""Which kinds a server serves now: the built-in ones and those of its CustomResourceDefinitions."""

from collections.abc import Iterable

from libs.sandbox import kinds
from libs.sandbox.kinds import Resource

_ALIASES = {"events.events.k8s.io": "events"}


class Registry:
    """Served kinds, by path and by group and kind. `revision` rises with every change."""

    def __init__(self) -> None:
        self._by_path = {(each.group, each.version, each.plural): each for each in kinds.BUILT_IN}
        self._custom: dict[str, tuple[Resource, ...]] = {}
        self.revision = 0

    def at(self, group: str, version: str, plural: str) -> Resource | None:
        """The kind that is served under a path."""
        return self._by_path.get((group, version, plural))

    def all(self) -> tuple[Resource, ...]:
        """Every kind in every version, built-in ones first."""
        return tuple(self._by_path.values())

    def stored(self) -> tuple[Resource, ...]:
        """Every kind once, in the version it is stored in; without reviews and without a second view of a table."""
        return tuple(
            each
            for each in self._by_path.values()
            if each.version == each.stored and "list" in each.verbs and each.table not in _ALIASES
        )

    def of(self, group: str, kind: str, version: str = "") -> Resource | None:
        """The kind of that name; in the stored version unless one is given."""
        for each in self._by_path.values():
            if each.kind == kind and each.group == group and each.version == (version or each.stored or each.version):
                return each
        return None

    def serve(self, definition: str, resources: Iterable[Resource]) -> None:
        """Serves the versions of a CustomResourceDefinition from now on, in the place of what it had before."""
        self.withdraw(definition)
        self._custom[definition] = tuple(resources)
        self._by_path |= {(each.group, each.version, each.plural): each for each in self._custom[definition]}
        self.revision += 1

    def withdraw(self, definition: str) -> None:
        """Serves a CustomResourceDefinition no more."""
        for each in self._custom.pop(definition, ()):
            self._by_path.pop((each.group, each.version, each.plural), None)
        self.revision += 1


def table(resource: Resource) -> str:
    """The name of the table that holds the objects of a kind: two groups may look at one."""
    return _ALIASES.get(resource.table, resource.table)
