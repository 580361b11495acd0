"""Sets of fields: the algebra, and what two states differ in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sandbox import kinds
from libs.sandbox.merge import fields
from libs.sandbox.schema import builtin
from libs.sandbox.schema.nodes import ANY

DEPLOYMENT = builtin.of(kinds.DEPLOYMENTS).node
SERVICE = builtin.of(kinds.SERVICES).node

_names = st.sampled_from(["a", "b", "c"])
_values = st.recursive(
    st.none() | st.integers(0, 3), lambda inner: st.dictionaries(_names, inner, max_size=3), max_leaves=8
)
_objects = st.dictionaries(_names, _values, max_size=3)


def of(value: dict[str, Any]) -> fields.Fields:
    """The set of an object that no schema describes."""
    return fields.of_value(ANY, value)


def members(found: fields.Fields) -> set[str]:
    """Its paths."""
    return set(fields.paths(found))


@given(_objects, _objects)
def test_union_has_the_members_of_both(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert members(fields.union(of(one), of(other))) == members(of(one)) | members(of(other))


@given(_objects, _objects)
def test_difference_has_the_members_of_the_first_alone(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert members(fields.difference(of(one), of(other))) == members(of(one)) - members(of(other))


@given(_objects, _objects)
def test_intersection_has_the_members_of_both_at_once(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert members(fields.intersection(of(one), of(other))) == members(of(one)) & members(of(other))


@given(_objects)
def test_an_object_does_not_differ_from_itself(one: dict[str, Any]) -> None:
    assert fields.compare(ANY, one, {**one}) == ({}, {}, {})


@given(_objects, _objects)
def test_what_is_added_one_way_is_removed_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    there, back = fields.compare(ANY, one, other), fields.compare(ANY, other, one)
    assert (there.added, there.removed) == (back.removed, back.added)


PATHS: list[tuple[dict[str, Any], set[str]]] = [
    ({"spec": {"replicas": 1}}, {".spec.replicas"}),
    ({"metadata": {"labels": {"a": "b"}}}, {".metadata.labels.a"}),
    ({"metadata": {"finalizers": ["x/y"]}}, {'.metadata.finalizers[="x/y"]'}),
    ({"spec": {"selector": {"matchLabels": {"a": "b"}}}}, {".spec.selector"}),
]


@pytest.mark.parametrize(("value", "wanted"), PATHS)
def test_paths_of_a_deployment(value: dict[str, Any], wanted: set[str]) -> None:
    assert members(fields.of_value(DEPLOYMENT, value)) == wanted


def test_list_items_are_named_by_their_keys_and_the_defaults_of_these() -> None:
    found = fields.of_value(SERVICE, {"spec": {"ports": [{"port": 80, "name": "x"}]}})
    item = '.spec.ports[port=80,protocol="TCP"]'
    assert members(found) == {item, f"{item}.port", f"{item}.name"}


def test_a_map_that_comes_is_owned_itself() -> None:
    found = fields.compare(DEPLOYMENT, {"metadata": {}}, {"metadata": {"labels": {"a": "b"}}})
    assert found.added == {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}


def test_an_atomic_part_is_modified_as_a_whole() -> None:
    old, new = ({"spec": {"selector": {"matchLabels": {"a": value}}}} for value in "xy")
    assert fields.compare(DEPLOYMENT, old, new).modified == {"f:spec": {"f:selector": {}}}
