"""What the controllers of one cluster see: all objects, by kind, namespace and owner, kept by the changes told."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

from libs.sandbox import kinds
from libs.sandbox.controllers import objects
from libs.sandbox.controllers.load import Load
from libs.sandbox.controllers.objects import Object
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event

Key: TypeAlias = tuple[str, ...]
"""Names what a controller looks at: most often namespace and name."""

Reference: TypeAlias = tuple[str, str, str]
"""Table, namespace and name of any object."""

_Outer = TypeVar("_Outer")
_Inner = TypeVar("_Inner")
_PODS: Final = kinds.PODS.table
_NONE: Final[dict[str, Object]] = {}


class View:
    """The objects as last seen. `now` stands still while a decision is made."""

    def __init__(self, serves: Callable[[str, str], bool] = lambda group, kind: True) -> None:
        self.now = datetime.now(UTC)
        self.load = Load()
        self.serves = serves
        """Whether the server knows a kind, by group and kind."""
        self.refusals: dict[Key, str] = {}
        """The server's words when it refused to create something; under the controller's name and key."""
        self.resources: dict[str, Resource] = {}
        self._tables: dict[str, dict[str, dict[str, Object]]] = {}
        self._within: dict[str, dict[Reference, Object]] = {}
        self._loose: dict[tuple[str, str], dict[str, Object]] = {}
        self._dependents: dict[str, dict[Reference, Object]] = {}
        self._uids: dict[str, Reference] = {}

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """One object."""
        return self.named(resource.table, namespace, name)

    def named(self, table: str, namespace: str, name: str) -> Object | None:
        """One object, of a table."""
        return self._tables.get(table, {}).get(namespace, _NONE).get(name)

    def within(self, resource: Resource, namespace: str) -> Iterable[Object]:
        """The objects of a kind in a namespace; "" for a cluster-scoped kind."""
        return self._tables.get(resource.table, {}).get(namespace, _NONE).values()

    def every(self, table: str) -> Iterator[Object]:
        """The objects of a kind in all namespaces."""
        for named in self._tables.get(table, {}).values():
            yield from named.values()

    def owned(self, owner: Object, resource: Resource) -> list[Object]:
        """The objects of a kind that an owner controls."""
        uid = objects.uid(owner)
        return [
            each
            for (table, _, _), each in self._dependents.get(uid, {}).items()
            if table == resource.table and (objects.controller(each) or {}).get("uid") == uid
        ]

    def loose(self, resource: Resource, namespace: str) -> Iterable[Object]:
        """The objects of a kind in a namespace that nobody controls."""
        return self._loose.get((resource.table, namespace), _NONE).values()

    def dependents(self, uid: str) -> Mapping[Reference, Object]:
        """All objects that name an owner of that uid."""
        return self._dependents.get(uid, {})

    def contents(self, namespace: str) -> Mapping[Reference, Object]:
        """All objects of a namespace."""
        return self._within.get(namespace, {})

    def by_uid(self, uid: str) -> Object | None:
        """The object of that uid, if it lives."""
        found = self._uids.get(uid)
        return self.named(*found) if found else None

    def reference(self, uid: str) -> Reference | None:
        """Where the object of that uid is, if it lives."""
        return self._uids.get(uid)

    def observe(self, event: Event) -> bool:
        """Takes a change in; tells whether it freed room on a node."""
        gone = event.type == "DELETED"
        obj = event.object
        table = event.resource.table
        reference = (table, objects.namespace(obj), objects.name(obj))
        if event.old is not None:
            self._forget(event.old, reference)
        if gone:
            self._forget(obj, reference)
        else:
            self._learn(event.resource, obj, reference)
        return table == _PODS and self.load.observe(obj, gone=gone)

    def _learn(self, resource: Resource, obj: Object, reference: Reference) -> None:
        table, namespace, name = reference
        self.resources[table] = resource
        self._tables.setdefault(table, {}).setdefault(namespace, {})[name] = obj
        self._uids[objects.uid(obj)] = reference
        if namespace:
            self._within.setdefault(namespace, {})[reference] = obj
        for owner in objects.owners(obj):
            self._dependents.setdefault(owner["uid"], {})[reference] = obj
        if namespace and objects.controller(obj) is None:
            self._loose.setdefault((table, namespace), {})[name] = obj

    def _forget(self, obj: Object, reference: Reference) -> None:
        table, namespace, name = reference
        _drop(self._tables.get(table, {}), namespace, name)
        _drop(self._within, namespace, reference)
        _drop(self._loose, (table, namespace), name)
        for owner in objects.owners(obj):
            _drop(self._dependents, owner["uid"], reference)
        self._uids.pop(objects.uid(obj), None)


def _drop(tree: dict[_Outer, dict[_Inner, Object]], outer: _Outer, inner: _Inner) -> None:
    leaves = tree.get(outer)
    if leaves is not None:
        leaves.pop(inner, None)
        if not leaves:
            del tree[outer]
