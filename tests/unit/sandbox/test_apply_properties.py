"""What holds of server-side apply whatever is applied by whom."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sandbox.merge import fields, ownership
from libs.sandbox.merge.ownership import Manager
from libs.sandbox.schema.nodes import ANY

_NOW = "2026-01-01T00:00:00Z"
_keys = st.sampled_from(["a", "b", "c"])
_values = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(_keys, inner, min_size=1, max_size=3),
    max_leaves=6,
)
_specs = st.dictionaries(_keys, _values, max_size=3)
_managers = st.sampled_from(["one", "two", "three"])
_Live = dict[str, Any]


def apply(live: _Live | None, manager: str, spec: dict[str, Any], *, force: bool) -> _Live | None:
    """The object after an apply; None if it was refused."""
    body = {"metadata": {}, "spec": spec} if spec else {"metadata": {}}
    made = ownership.applied(ANY, live, body, Manager(manager, "", "v1"), _NOW, force=force)
    if made.conflicts:
        return None
    return {**made.object, "metadata": {"managedFields": made.entries}}


def after(history: list[tuple[str, dict[str, Any]]]) -> _Live:
    """An object with a history of forced applies."""
    live: _Live | None = {"metadata": {}}
    for manager, spec in history:
        live = apply(live, manager, spec, force=True)
    assert live is not None
    return live


def paths(spec: dict[str, Any]) -> dict[str, Any]:
    """The leaves of a spec that are owned one by one."""
    found: dict[str, Any] = {}
    for key, value in spec.items():
        inner = paths(value) if isinstance(value, dict) else {"": value}
        found |= {f".{key}{path}": leaf for path, leaf in inner.items()}
    return found


_histories = st.lists(st.tuples(_managers, _specs), max_size=4)


@settings(deadline=None)
@given(_histories, _managers, _specs)
def test_what_is_applied_stands(history: list[Any], manager: str, spec: dict[str, Any]) -> None:
    live = apply(after(history), manager, spec, force=True)
    assert live is not None
    assert paths(spec).items() <= paths(live.get("spec") or {}).items()


@settings(deadline=None)
@given(_histories, _managers, _specs)
def test_the_same_again_changes_nothing(history: list[Any], manager: str, spec: dict[str, Any]) -> None:
    once = apply(after(history), manager, spec, force=True)
    assert once is not None
    assert apply(once, manager, spec, force=False) == once


@settings(deadline=None)
@given(_histories, _managers, _specs)
def test_a_refusal_only_where_others_own(history: list[Any], manager: str, spec: dict[str, Any]) -> None:
    live = after(history)
    body = {"metadata": {}, "spec": spec}
    made = ownership.applied(ANY, live, body, Manager(manager, "", "v1"), _NOW, force=False)
    others = [e["fieldsV1"] for e in live["metadata"].get("managedFields") or () if e["manager"] != manager]
    owned = {path for entry in others for path in fields.paths(entry)}
    assert {conflict.path for conflict in made.conflicts} <= owned


@settings(deadline=None)
@given(_specs)
def test_who_applies_nothing_more_leaves_nothing(spec: dict[str, Any]) -> None:
    live = apply(after([("one", spec)]), "one", {}, force=False)
    assert live is not None
    assert live.get("spec") is None
    assert live["metadata"]["managedFields"] == []


@settings(deadline=None)
@given(_histories)
def test_each_leaf_has_an_owner(history: list[Any]) -> None:
    live = after(history)
    owned = {path for entry in live["metadata"].get("managedFields") or () for path in fields.paths(entry["fieldsV1"])}
    assert {f".spec{path}" for path in paths(live.get("spec") or {})} <= owned
