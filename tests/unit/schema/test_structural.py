"""Custom objects against structural schemas."""

from typing import Any

import pytest

from libs.sandbox.schema.structural import Structural

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "default": 3},
                "mode": {"type": "string", "enum": ["On", "Off"]},
                "name": {"type": "string", "maxLength": 3, "minLength": 1, "pattern": "^[a-z]+$"},
                "when": {"type": "string", "format": "date-time"},
                "free": {"x-kubernetes-preserve-unknown-fields": True},
                "ports": {
                    "type": "array",
                    "maxItems": 2,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port"],
                    "items": {
                        "type": "object",
                        "required": ["port"],
                        "properties": {
                            "port": {"x-kubernetes-int-or-string": True},
                            "protocol": {"type": "string", "default": "TCP"},
                        },
                    },
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "either": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
            },
        }
    },
}


def obj(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "a.io/v1", "kind": "A", "metadata": {"name": "a"}, "spec": spec}


@pytest.fixture(scope="module", name="structural")
def _structural() -> Structural:
    return Structural(_SCHEMA)


def test_defaults_come_at_every_depth(structural: Structural) -> None:
    made = structural.default(obj(ports=[{"port": 1}, {"port": 2, "protocol": "UDP"}]))
    assert made["spec"] == {
        "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "UDP"}],
        "size": 3,
    }


def test_a_null_gives_way_to_a_default(structural: Structural) -> None:
    assert structural.default(obj(size=None))["spec"] == {"size": 3}


def test_unknown_fields_are_named_and_pruned(structural: Structural) -> None:
    given = obj(foo=1, free={"any": 1}, ports=[{"port": 1, "bar": 2}])
    assert structural.unknown(given) == ["spec.foo", "spec.ports[0].bar"]
    assert structural.prune(given) == obj(free={"any": 1}, ports=[{"port": 1}])


def test_a_null_without_a_default_is_nothing(structural: Structural) -> None:
    assert structural.prune(obj(name=None, free=None, size=None)) == obj(size=None)
    assert structural.unknown(obj(name=None)) == []


def test_pruning_changes_nothing_without_need(structural: Structural) -> None:
    given = obj(size=1)
    assert structural.prune(given) is given


@pytest.mark.parametrize(
    ("spec", "refusals"),
    [
        ({"size": 1, "mode": "On", "name": "abc", "labels": {"a": "b"}, "either": {"a": "x"}}, []),
        ({"size": 0}, ["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"]),
        ({"size": "1"}, ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"']),
        ({"mode": "Maybe"}, ['spec.mode: Unsupported value: "Maybe": supported values: "On", "Off"']),
        ({"name": "abcd"}, ["spec.name: Too long: may not be more than 3 bytes"]),
        ({"name": ""}, ['spec.name: Invalid value: "": spec.name in body should be at least 1 chars long']),
        ({"name": "A"}, ["spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"]),
        ({"when": "now"}, ['spec.when: Invalid value: "now": spec.when in body must be of type date-time: "now"']),
        ({"ports": [{}]}, ["spec.ports[0].port: Required value"]),
        ({"ports": [{"port": 1}, {"port": 1}]}, ['spec.ports[1]: Duplicate value: {"port":1}']),
        ({"ports": [{"port": n} for n in range(3)]}, ["spec.ports: Too many: 3: must have at most 2 items"]),
        (
            {"labels": {"a": 1}},
            ['spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"'],
        ),
        (
            {"either": {}},
            ["spec.either: Invalid value: spec.either in body must validate one and only one schema (oneOf)"],
        ),
    ],
)
def test_values(structural: Structural, spec: dict[str, Any], refusals: list[str]) -> None:
    assert [f"{cause.field}: {cause.message}" for cause in structural.validate(obj(**spec))] == refusals


def test_a_required_field_of_the_root(structural: Structural) -> None:
    assert [cause.field for cause in structural.validate({"metadata": {}})] == ["spec"]


def test_what_was_wrong_before_and_did_not_change_passes(structural: Structural) -> None:
    assert structural.validate(obj(size=0, mode="On"), obj(size=0, mode="Off")) == []


def test_metadata_is_the_built_in_one(structural: Structural) -> None:
    finalizers = structural.node.field("metadata").field("finalizers")  # type: ignore[union-attr]
    assert finalizers is not None
    assert finalizers.list_type == "set"
