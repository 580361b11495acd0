"""Policies or overrides, and which of them a namespace sees."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Catalogue(Generic[T]):
    """Items by namespace and name; the namespace of cluster-wide ones is empty, and every namespace sees them."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, T]] = {}
        self._visible: dict[str, list[T]] = {}
        self._names: frozenset[tuple[str, str]] | None = None

    def put(self, namespace: str, name: str, item: T | None) -> None:
        """Takes in how an item looks now; None when it is gone."""
        items = self._items.setdefault(namespace, {})
        if item is not None:
            if name not in items:
                self._names = None
            items[name] = item
        else:
            self._names = None
            items.pop(name, None)
            if not items:
                del self._items[namespace]
        if namespace:
            self._visible.pop(namespace, None)
        else:
            self._visible.clear()

    def visible(self, namespace: str) -> list[T]:
        """Those of a namespace and the cluster-wide ones; not to be changed."""
        known = self._visible.get(namespace)
        if known is None:
            own = self._items.get(namespace, {}).values() if namespace else ()
            known = self._visible[namespace] = [*own, *self._items.get("", {}).values()]
        return known

    def names(self) -> frozenset[tuple[str, str]]:
        """(namespace, name) of each."""
        if self._names is None:
            self._names = frozenset((namespace, name) for namespace, items in self._items.items() for name in items)
        return self._names
