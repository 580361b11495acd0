"""Which kinds a server serves now: the built-in ones and those of its CustomResourceDefinitions."""

from collections.abc import Iterable

from libs.sandbox import kinds
from libs.sandbox.customs import Custom
from libs.sandbox.kinds import Resource
from libs.sandbox.schema import builtin
from libs.sandbox.shapes import Shape

_ALIASES = {"events.events.k8s.io": "events"}


class Registry:
    """Served kinds, by path and by group and kind. `revision` rises with every change."""

    def __init__(self) -> None:
        self._by_path = {(each.group, each.version, each.plural): each for each in kinds.BUILT_IN}
        self._custom: dict[tuple[str, str, str], Custom] = {}
        self._defined: dict[str, tuple[Custom, ...]] = {}
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

    def custom(self, resource: Resource) -> Custom | None:
        """What the definition of a custom kind says of it."""
        return self._custom.get((resource.group, resource.version, resource.plural))

    def shape(self, resource: Resource) -> Shape:
        """The schema of a kind, at work."""
        found = self.custom(resource) if resource.custom else None
        return found.shape if found else builtin.of(resource)

    def serve(self, definition: str, customs: Iterable[Custom]) -> None:
        """Serves the versions of a CustomResourceDefinition from now on, in the place of what it had before."""
        self.withdraw(definition)
        self._defined[definition] = tuple(customs)
        for each in self._defined[definition]:
            path = (each.resource.group, each.resource.version, each.resource.plural)
            self._custom[path] = each
            self._by_path[path] = each.resource
        self.revision += 1

    def withdraw(self, definition: str) -> None:
        """Serves a CustomResourceDefinition no more."""
        for each in self._defined.pop(definition, ()):
            path = (each.resource.group, each.resource.version, each.resource.plural)
            self._by_path.pop(path, None)
            self._custom.pop(path, None)
        self.revision += 1

    def defined(self, definition: str) -> tuple[Custom, ...]:
        """What a CustomResourceDefinition makes the server serve."""
        return self._defined.get(definition, ())


def table(resource: Resource) -> str:
    """The name of the table that holds the objects of a kind: two groups may look at one."""
    return _ALIASES.get(resource.table, resource.table)
