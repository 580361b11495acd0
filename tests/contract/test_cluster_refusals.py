"""A hub refuses Clusters that Karmada's registry refuses, and protects what is marked as protected."""

from typing import Any

import pytest

from libs.sandbox.schema.policies import Request
from tests.contract import hub


def cluster(**spec: Any) -> dict[str, Any]:
    return {"syncMode": "Push", **spec}


def _grade(grade: int, name: str = "cpu") -> dict[str, Any]:
    return {"grade": grade, "ranges": [{"name": name, "min": 0, "max": "1"}]}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "syncMode"),
        ({"syncMode": "Shove"}, "syncMode"),
        (cluster(apiEndpoint="member:6443"), "apiEndpoint"),
        (cluster(apiEndpoint="https://u:p@member"), "apiEndpoint"),
        (cluster(apiEndpoint="https://member?a=b"), "apiEndpoint"),
        (cluster(apiEndpoint="https://member/#a"), "apiEndpoint"),
        (cluster(proxyURL="ftp://proxy"), "proxyURL"),
        (cluster(provider="a b"), "provider"),
        (cluster(zone="a", zones=["b"]), "zone"),
        (cluster(zones=["a b"]), "zones[0]"),
        (cluster(taints=[{"key": "a", "effect": "PreferNoSchedule"}]), "taints[0].effect"),
        (cluster(taints=[{"key": "a"}]), "taints[0].effect"),
        (cluster(taints=[{"key": "a", "effect": "NoExecute"}] * 2), "taints"),
        (cluster(secretRef={"name": "a"}), "secretRef.namespace"),
        (cluster(resourceModels=[_grade(0), _grade(0)]), "resourceModels"),
        (cluster(resourceModels=[_grade(0), _grade(1, "memory")]), "resourceModels"),
    ],
)
def test_clusters_are_refused(spec: dict[str, Any], field: str) -> None:
    (refusal,) = hub.told("Cluster", spec)
    assert refusal.startswith(f"spec.{field}: ")


def _grades(*ranges: tuple[str | int, str | int]) -> dict[str, Any]:
    models = [{"grade": n, "ranges": [{"name": "cpu", "min": a, "max": b}]} for n, (a, b) in enumerate(ranges)]
    return cluster(resourceModels=models)


@pytest.mark.parametrize(
    ("spec", "detail"),
    [
        (_grades((0, 1), (1, "900m"), ("900m", 4)), "max: must be greater than min"),
        (_grades((5, 0), (0, 4)), "max: must be greater than min"),
        (_grades((0, 1), (2, 4)), "min: each grade must begin where the grade before it ends"),
    ],
)
def test_grades_are_refused(spec: dict[str, Any], detail: str) -> None:
    (refusal,) = hub.told("Cluster", spec)
    assert refusal == f"spec.resourceModels[*].ranges[*].{detail}"


@pytest.mark.parametrize(
    "spec",
    [_grades((0, 1)), _grades((7, 1), ("1000m", 2), (2, 0)), cluster(resourceModels=[])],
    ids=["one", "ends are not looked at", "none"],
)
def test_grades_are_taken(spec: dict[str, Any]) -> None:
    assert hub.told("Cluster", spec) == []


@pytest.mark.parametrize("name", ["A", "a.b", "a" * 49, "-a"])
def test_names_of_clusters_are_short_labels(name: str) -> None:
    (refusal,) = hub.told("Cluster", cluster(), name=name)
    assert "metadata.name must be no more than 48 characters" in refusal


@pytest.mark.parametrize(
    "spec",
    [
        cluster(apiEndpoint="https://10.0.0.1:6443", proxyURL="socks5://proxy:1080", zones=["a", "b"], region="eu"),
        cluster(apiEndpoint="http://member/path", zone="a", taints=[{"key": "a.io/b", "effect": "NoExecute"}]),
        cluster(resourceModels=[_grade(1) | {"ranges": [{"name": "cpu", "min": 1, "max": 2}]}, _grade(0)]),
    ],
)
def test_clusters_are_taken(spec: dict[str, Any]) -> None:
    assert hub.told("Cluster", spec) == []


def test_a_protected_object_is_not_deleted() -> None:
    label = "resourcetemplate.karmada.io/deletion-protected"
    request = Request(operation="DELETE", group="apps", version="v1", kind="Deployment", resource="deployments")
    protected = {"metadata": {"labels": {label: "Always"}}}
    denial = hub.policies().review(request, None, protected).denial
    assert denial is not None
    assert denial.code == 403
    assert denial.message.endswith(f"This resource is protected, please make sure to remove the label: {label}")
    assert hub.policies().review(request, None, {"metadata": {"labels": {label: "never"}}}).denial is None
