"""Whatever comes in, the server answers: every object of every built-in kind is refused or taken, and defaults are
final."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sandbox import kinds
from libs.sandbox.kinds import Resource
from libs.sandbox.schema import builtin
from libs.sandbox.schema.nodes import Kind, Node

_VALUES: dict[Kind, list[Any]] = {
    Kind.INTEGER: [0, 1, 80, -1, 99999],
    Kind.NUMBER: [1.5],
    Kind.BOOLEAN: [True, False],
    Kind.QUANTITY: ["1", "1Gi", 1, 0.5, "-1"],
    Kind.INT_OR_STRING: [0, 1, "10%", "http"],
    Kind.BYTES: ["eA==", ""],
    Kind.TIME: ["2024-01-01T00:00:00Z"],
    Kind.STRING: ["a", "", "x y", "Always", "self.a == 1", "ClusterIP", "object"],
    Kind.ANY: [{}, {"a": 1}],
}
_FITTING_NOWHERE = [None, "", 0, -1, [], {}, "x"]


def something(node: Node, random: Random, depth: int = 0) -> Any:
    """A value that fits the node, for the most part."""
    if random.random() < 0.04:
        return random.choice(_FITTING_NOWHERE)
    match node.kind:
        case Kind.OBJECT:
            share = (0.5, 0.5, 0.25, 0.25, 0.25)[depth] if depth < 5 else 0.08
            names = [name for name in sorted(node.names()) if random.random() < share]
            return {name: something(child, random, depth + 1) for name in names if (child := node.field(name))}
        case Kind.MAP:
            keys = random.sample(["a", "cpu", "x y"], random.randint(0, 2))
            return {key: something(node.additional, random, depth + 1) for key in keys}
        case Kind.ARRAY:
            return [something(node.items, random, depth + 1) for _ in range(random.choice([0, 1, 1, 2]))]
    return random.choice(_VALUES[node.kind])


def made(resource: Resource, random: Random) -> dict[str, Any] | None:
    """An object with its defaults, or nothing if no server would have read it."""
    obj = something(builtin.of(resource).node, random)
    if not isinstance(obj, dict):
        return None
    obj["metadata"] = {"name": "a", "namespace": "b"}
    return None if builtin.of(resource).malformed(obj) else builtin.of(resource).default(obj)


@pytest.mark.parametrize("resource", kinds.BUILT_IN, ids=lambda resource: f"{resource.kind}-{resource.version}")
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_every_object_is_refused_or_taken(resource: Resource, seed: int) -> None:
    random = Random(seed)
    new, old = made(resource, random), made(resource, random)
    if new is None:
        return
    assert builtin.of(resource).unknown(new) == []
    assert builtin.of(resource).default(new) == new
    for before in (None, old):
        for cause in builtin.of(resource).validate(new, before):
            assert cause.reason.startswith("FieldValue")
            assert cause.message
