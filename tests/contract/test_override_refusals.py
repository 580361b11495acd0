"""A hub refuses what Karmada's webhooks refuse of override policies, and takes what they take."""

from typing import Any

import pytest

from tests.contract import hub

_QUALIFIED = "name part must consist of alphanumeric characters"


def override(**overriders: Any) -> dict[str, Any]:
    return {"overrideRules": [{"overriders": {}}, {"overriders": overriders}]}


def fields(**overrider: Any) -> dict[str, Any]:
    return override(fieldOverrider=[{"fieldPath": "/data/a", **overrider}])


_PATCH = {"subPath": "/a", "operator": "remove"}
_POINTER = 'JSON pointer must be empty or start with a "/"'


@pytest.mark.parametrize("kind", ["OverridePolicy", "ClusterOverridePolicy"])
@pytest.mark.parametrize(
    ("spec", "detail"),
    [
        ({"overrideRules": [], "targetCluster": {}}, "overrideRules and targetCluster can't co-exist"),
        (
            {"overrideRules": [], "overriders": {"plaintext": [{"path": "/a", "operator": "remove"}]}},
            "overrideRules and overriders can't co-exist",
        ),
        (override(labelsOverrider=[{"operator": "add", "value": {"a b": "c"}}]), _QUALIFIED),
        (
            override(labelsOverrider=[{"operator": "add", "value": {"a": "c d"}}]),
            "a valid label must be an empty string",
        ),
        (override(annotationsOverrider=[{"operator": "add", "value": {"a b": "c"}}]), _QUALIFIED),
        (
            override(imageOverrider=[{"component": "Tag", "operator": "remove", "predicate": {"path": "a"}}]),
            _POINTER,
        ),
        (fields(), "FieldOverrider must have either JSON or YAML set"),
        (fields(json=[_PATCH], yaml=[_PATCH]), "FieldOverrider has both YAML and JSON set. Only one is allowed"),
        (fields(fieldPath="a", json=[_PATCH]), _POINTER),
        (fields(yaml=[{**_PATCH, "subPath": "a"}]), _POINTER),
        (fields(json=[{**_PATCH, "operator": "add"}]), "value is required for add or replace operation"),
        (fields(json=[{**_PATCH, "value": 1}]), "value is not allowed for remove operation"),
        (
            {
                "overrideRules": [
                    {
                        "targetCluster": {"fieldSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
                        "overriders": {},
                    }
                ]
            },
            'unsupported key "a", must be provider, region, or zone',
        ),
        ({"overrideRules": [{}]}, "spec.overrideRules[0].overriders: Required value"),
    ],
)
def test_override_policies_are_refused(kind: str, spec: dict[str, Any], detail: str) -> None:
    (refusal,) = hub.told(kind, spec)
    assert detail in refusal


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"overriders": {"plaintext": [{"path": "/a", "operator": "add", "value": 1}]}, "targetCluster": {}},
        {"overrideRules": [{"overriders": {}}] * 2000},
        override(plaintext=[{"path": "no pointer", "operator": "add"}]),
        override(annotationsOverrider=[{"operator": "add", "value": {"A.io/b": "any text"}}]),
        override(imageOverrider=[{"component": "Tag", "operator": "replace", "value": "1", "predicate": {"path": ""}}]),
        fields(json=[{"subPath": "/a", "operator": "replace", "value": {"b": [1]}}, _PATCH]),
        {"overrideRules": [], "overriders": {"fieldOverrider": [{"fieldPath": "/a"}]}},
    ],
)
def test_override_policies_are_taken(spec: dict[str, Any]) -> None:
    assert hub.told("OverridePolicy", spec) == []
