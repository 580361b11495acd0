"""One place in a schema, compiled when it is first visited.

Built-in kinds (whose schemas refer to each other by name) and structural schemas (which are whole) become the same
nodes, so that defaulting, validation, merging and server-side apply walk one kind of tree.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final

from libs.sandbox.schema import constraints

RawSchema = Mapping[str, Any]
Resolve = Callable[[str], "Node"]


class Kind(Enum):
    """What a value at a node is."""

    OBJECT = auto()
    MAP = auto()
    ARRAY = auto()
    ANY = auto()
    STRING = auto()
    BYTES = auto()
    TIME = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    INT_OR_STRING = auto()
    QUANTITY = auto()


_JUNCTORS: Final = frozenset({"allOf", "anyOf", "oneOf", "not"})
_SCALARS: Final = {
    "string": Kind.STRING,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
}
_FORMATS: Final = {"byte": Kind.BYTES, "date-time": Kind.TIME}


class Node:
    """A schema at one place. `raw` is its source; `component` its name among the built-in types, else empty.

    `constrained` and `combined` tell whether the schema limits values, or combines schemas (anyOf and its like).
    `children` has the fields visited so far: it is for hot loops; others ask `field`.
    """

    __slots__ = (
        "_additional",
        "_items",
        "_resolve",
        "_unseen",
        "children",
        "combined",
        "complete",
        "component",
        "constrained",
        "defaults",
        "is_leaf",
        "kind",
        "list_keys",
        "list_type",
        "map_type",
        "nullable",
        "patch_merge_key",
        "patch_strategy",
        "preserves",
        "raw",
        "required",
    )

    def __init__(self, raw: RawSchema, resolve: Resolve, component: str = "") -> None:
        self.raw = raw
        self.component = component
        self.kind = kind_of(raw)
        self.is_leaf = self.kind not in (Kind.OBJECT, Kind.MAP, Kind.ARRAY, Kind.QUANTITY)
        self.required: tuple[str, ...] = tuple(raw.get("required", ()))
        self.constrained = not constraints.CONSTRAINTS.isdisjoint(raw)
        self.combined = not _JUNCTORS.isdisjoint(raw)
        self.nullable = bool(raw.get("nullable"))
        self.preserves = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        self.list_type: str = raw.get("x-kubernetes-list-type", "atomic")
        self.list_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys", ()))
        self.map_type: str = raw.get("x-kubernetes-map-type", "granular")
        self.patch_strategy: tuple[str, ...] = tuple(
            filter(None, raw.get("x-kubernetes-patch-strategy", "").split(","))
        )
        self.patch_merge_key: str = raw.get("x-kubernetes-patch-merge-key", "")
        self.complete: Callable[[dict[str, Any]], None] | None = None
        self.children: dict[str, Node] = {}
        self._resolve = resolve
        self._unseen: dict[str, RawSchema] = dict(raw.get("properties", ()))
        self.defaults: tuple[tuple[str, Any], ...] = tuple(
            (name, part["default"]) for name, part in self._unseen.items() if "default" in part
        )
        self._items: Node | None = None
        self._additional: Node | None = None

    def field(self, name: str) -> "Node | None":
        """The node of a field or of a map's value; None if the schema does not know it."""
        child = self.children.get(name)
        if child is not None:
            return child
        raw = self._unseen.pop(name, None)
        if raw is not None:
            child = self.children[name] = self._child(raw)
            return child
        if self.kind is Kind.MAP:
            return self.additional
        return ANY if self.kind is Kind.ANY or self.preserves else None

    def names(self) -> set[str]:
        """The fields that the schema names."""
        return self.children.keys() | self._unseen.keys()

    def put(self, name: str, child: "Node") -> None:
        """Sets the node of a field, whatever the source says."""
        self._unseen.pop(name, None)
        self.children[name] = child

    @property
    def items(self) -> "Node":
        """The node of a list's items."""
        if self._items is None:
            raw = self.raw.get("items")
            self._items = self._child(raw) if raw else ANY
        return self._items

    @property
    def additional(self) -> "Node":
        """The node of a map's values."""
        if self._additional is None:
            raw = self.raw.get("additionalProperties")
            self._additional = self._child(raw) if isinstance(raw, Mapping) and raw else ANY
        return self._additional

    def _child(self, raw: RawSchema) -> "Node":
        reference = raw.get("$ref")
        if reference is None:
            return Node(raw, self._resolve)
        target = self._resolve(reference)
        if len(raw) == 1:
            return target
        # what stands beside the reference (merge keys, list types) holds for this place alone
        return self._resolve(reference).at(raw)

    def at(self, raw: RawSchema) -> "Node":
        """A node like this one at a place that says more, such as another list type."""
        merged = {**self.raw, **{key: value for key, value in raw.items() if key not in ("$ref", "default")}}
        node = Node(merged, self._resolve, self.component)
        node.complete = self.complete
        return node


def kind_of(raw: RawSchema) -> Kind:
    """What values a schema describes."""
    if raw.get("x-kubernetes-int-or-string") or raw.get("format") == "int-or-string":
        return Kind.INT_OR_STRING
    if "oneOf" in raw and "type" not in raw and "properties" not in raw:
        return Kind.QUANTITY
    type_ = raw.get("type")
    if type_ == "array":
        return Kind.ARRAY
    if type_ == "object" or "properties" in raw:
        if raw.get("properties") or raw.get("x-kubernetes-embedded-resource"):
            return Kind.OBJECT
        return Kind.MAP if raw.get("additionalProperties") else Kind.ANY
    if type_ == "string":
        return _FORMATS.get(raw.get("format", ""), Kind.STRING)
    return _SCALARS.get(type_ or "", Kind.ANY)


def _nowhere(reference: str) -> Node:
    raise KeyError(reference)


ANY: Final = Node({}, _nowhere)
"""Stands for what no schema describes: maps merge by key, lists are whole."""
ANY.preserves = True
