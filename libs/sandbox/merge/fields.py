"""Sets of fields, as server-side apply keeps them: who owns what, and in what two states of an object differ.

A set is what `fieldsV1` holds, decoded: a tree of path elements. An element with nothing below it belongs to the set;
one with something below it belongs if it also has the key ".". `None` is the empty set below an element; at the root
it is an empty dict. Sets are never changed.

Reference: sigs.k8s.io/structured-merge-diff fieldpath and typed (tofieldset, compare).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from libs.sandbox.schema.nodes import ANY, Kind, Node

Fields: TypeAlias = dict[str, Any]

_SELF: Final = "."
_LEAF: Final[Fields] = {}
_key: Final = msgspec.json.Encoder(order="sorted").encode


class Difference(NamedTuple):
    """In what one state of an object differs from another."""

    added: Fields
    modified: Fields
    removed: Fields


def _is_member(tree: Fields) -> bool:
    return not tree or _SELF in tree


def _tree(member: bool, below: Fields) -> Fields | None:
    if below:
        return {_SELF: _LEAF, **below} if member else below
    return _LEAF if member else None


def union(one: Fields, other: Fields) -> Fields:
    """What is in either set."""
    if not one or not other:
        return one or other
    made = dict(one)
    for element, tree in other.items():
        mine = made.get(element)
        made[element] = tree if mine is None else _union_below(mine, tree)
    return made


def _union_below(one: Fields, other: Fields) -> Fields:
    if not one or not other:
        below = {element: tree for element, tree in (one or other).items() if element != _SELF}
        return _tree(True, below) or _LEAF
    return union(one, other)


def difference(one: Fields, other: Fields) -> Fields:
    """What is in the first set but not in the second."""
    if not one or not other:
        return one
    made: Fields = {}
    for element, tree in one.items():
        theirs = other.get(element)
        left = tree if theirs is None else _difference_below(tree, theirs)
        if left is not None:
            made[element] = left
    return made


def _difference_below(one: Fields, other: Fields) -> Fields | None:
    below: Fields = {}
    for element, tree in one.items():
        if element == _SELF:
            continue
        theirs = other.get(element)
        left = tree if theirs is None else _difference_below(tree, theirs)
        if left is not None:
            below[element] = left
    return _tree(_is_member(one) and not _is_member(other), below)


def intersection(one: Fields, other: Fields) -> Fields:
    """What is in both sets."""
    made: Fields = {}
    for element, tree in one.items():
        if element != _SELF and element in other:
            shared = _intersection_below(tree, other[element])
            if shared is not None:
                made[element] = shared
    return made


def _intersection_below(one: Fields, other: Fields) -> Fields | None:
    return _tree(_is_member(one) and _is_member(other), intersection(one, other))


def paths(fields: Fields, prefix: str = "") -> Iterator[str]:
    """The members of the set, as messages write them: `.spec.ports[port=80,protocol="TCP"].name`."""
    for element, tree in fields.items():
        if element == _SELF:
            continue
        path = prefix + _written(element)
        if _is_member(tree):
            yield path
        yield from paths(tree, path)


def _written(element: str) -> str:
    kind, text = element[:2], element[2:]
    match kind:
        case "f:":
            return f".{text}"
        case "k:":
            keys = msgspec.json.decode(text)
            return "[" + ",".join(f"{key}={_text(value)}" for key, value in keys.items()) + "]"
        case "v:":
            return f"[={text}]"
        case _:
            return f"[{text}]"


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def is_granular(node: Node, value: Any) -> bool:
    """Whether the parts of a value are owned one by one, rather than the value as a whole."""
    if isinstance(value, dict):
        return node.map_type != "atomic"
    return isinstance(value, list) and node.list_type in ("set", "map")


def element_of(node: Node, item: Any) -> str:
    """The path element of an item of a granular list."""
    if node.list_type == "set" or not isinstance(item, dict):
        return "v:" + _text(item)
    keys: dict[str, Any] = {}
    for name in node.list_keys:
        if name in item:
            keys[name] = item[name]
        else:
            field = node.items.field(name)
            if field is not None and "default" in field.raw:
                keys[name] = field.raw["default"]
    return "k:" + _key(keys).decode()


def children(node: Node, value: Any) -> Iterator[tuple[str, Any, Node, bool]]:
    """The parts of a granular value: path element, part, its node, and whether it counts even if it has parts."""
    if isinstance(value, dict):
        named = node.kind is Kind.OBJECT
        for key, part in value.items():
            found = node.field(key)
            yield f"f:{key}", part, found or ANY, not named or found is None
    else:
        for item in value:
            yield element_of(node, item), item, node.items, True


def of_value(node: Node, value: Any) -> Fields:
    """The set of all fields of a value that is a whole object."""
    made: Fields = {}
    for element, part, below, counts in children(node, value):
        if is_granular(below, part):
            tree = _tree(counts or part == {}, of_value(below, part))
            if tree is not None:
                made[element] = tree
        else:
            made[element] = _LEAF
    return made


class _Marks:
    """What `compare` finds below one element."""

    __slots__ = ("added", "modified", "removed")

    def __init__(self) -> None:
        self.added: Fields = {}
        self.modified: Fields = {}
        self.removed: Fields = {}


def compare(node: Node, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """In what `new` differs from `old`, both whole objects of the kind that `node` describes."""
    marks = _Marks()
    _compare(node, old, new, marks)
    return Difference(marks.added, marks.modified, marks.removed)


def _compare(node: Node, old: Any, new: Any, marks: _Marks) -> None:
    before = {element: (part, below) for element, part, below, _ in children(node, old)}
    for element, part, below, _ in children(node, new):
        held = before.pop(element, None)
        if held is None:
            marks.added[element] = _whole(below, part)
        elif held[0] is not part and held[0] != part:
            _compare_parts(element, below, held[0], part, marks)
    for element, (part, below) in before.items():
        marks.removed[element] = _whole(below, part)


def _compare_parts(element: str, node: Node, old: Any, new: Any, marks: _Marks) -> None:
    if new is None and is_granular(node, old):
        new = type(old)()
    elif old is None and is_granular(node, new):
        old = type(new)()
    if type(old) is not type(new) or not is_granular(node, new):
        if is_granular(node, old):
            marks.removed[element] = _whole(node, old)
        if is_granular(node, new):
            marks.added[element] = _whole(node, new)
        else:
            marks.modified[element] = _LEAF
        return
    inner = _Marks()
    _compare(node, old, new, inner)
    if inner.added:
        marks.added[element] = inner.added
    if inner.modified:
        marks.modified[element] = inner.modified
    if inner.removed:
        marks.removed[element] = inner.removed


def _whole(node: Node, value: Any) -> Fields:
    """All of a part that came or went: its fields, and it itself."""
    if not is_granular(node, value):
        return _LEAF
    made: Fields = {}
    for element, part, below, _ in children(node, value):
        made[element] = _whole(below, part)
    # a struct of Go is there even when it is empty: only what stands in it can come and go
    return _tree(not (node.component and node.kind is Kind.OBJECT), made) or _LEAF
