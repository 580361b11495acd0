"""What is said of every kind, and what differs from Karmada on purpose."""

from typing import Any

import pytest

from libs.common.api.work import AggregatedStatusItem
from libs.common.interpreter import registry
from libs.common.interpreter.typed import InterpretError


def obj(kind: str, *, api_version: str = "apps/v1", generation: int = 2, **parts: Any) -> dict[str, Any]:
    metadata = {
        "name": "x",
        "namespace": "ns",
        "generation": generation,
        "annotations": {"resourcetemplate.karmada.io/generation": str(generation)},
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def test_a_kind_without_rules_keeps_its_status_and_is_healthy() -> None:
    custom = obj("Widget", api_version="example.com/v1", status={"phase": "Odd", "count": 0})
    assert registry.reflect_status(custom) == {"phase": "Odd", "count": 0}
    assert registry.health(custom) == "Healthy"
    assert registry.replicas(custom) == (0, None)
    assert registry.dependencies(custom) == []
    assert registry.aggregate_status(custom, []) is None


def test_an_object_that_cannot_be_interpreted_has_unknown_health() -> None:
    assert registry.health(obj("Deployment", status={"updatedReplicas": "three"})) == "Unknown"


@pytest.mark.parametrize(
    ("api_version", "kind", "status", "behind"),
    [
        ("apps/v1", "StatefulSet", {"observedGeneration": 1}, True),
        ("apps/v1", "StatefulSet", {"observedGeneration": 2}, False),
        ("apps/v1", "StatefulSet", None, True),
        ("example.com/v1", "Widget", {"observedGeneration": 1}, True),
        ("example.com/v1", "Widget", {"phase": "Ready"}, False),
        ("v1", "ConfigMap", None, False),
    ],
)
def test_who_is_behind(api_version: str, kind: str, status: dict[str, Any] | None, behind: bool) -> None:
    parts = {"status": status} if status is not None else {}
    assert registry.is_behind(obj(kind, api_version=api_version, **parts)) is behind


def _stateful(updated: int, generation: int = 2) -> AggregatedStatusItem:
    status = {
        "generation": 7,
        "resourceTemplateGeneration": generation,
        "replicas": 3,
        "readyReplicas": 3,
        "updatedReplicas": updated,
    }
    return AggregatedStatusItem(cluster_name="m", applied=True, status=status)


@pytest.mark.parametrize(
    ("item", "behind", "observed"),
    [
        (_stateful(3), set(), 2),
        (_stateful(3), {"m"}, 1),
        (_stateful(3, generation=1), set(), 1),
        (_stateful(1), set(), 1),
    ],
    ids=["rolled out", "controller behind", "an older template", "old pods left"],
)
def test_a_stateful_set_is_observed_on_the_hub_once_its_members_have_rolled_out(
    item: AggregatedStatusItem, behind: set[str], observed: int
) -> None:
    template = obj("StatefulSet", spec={"replicas": 3}, status={"observedGeneration": 1})
    status = registry.aggregate_status(template, [item], behind=behind)
    assert status is not None
    assert status["observedGeneration"] == observed


@pytest.mark.parametrize("strategy", [{"type": "OnDelete"}, {"rollingUpdate": {"partition": 2}}])
def test_a_strategy_that_leaves_old_pods_does_not_hold_the_rollout_back(strategy: dict[str, Any]) -> None:
    template = obj("StatefulSet", spec={"updateStrategy": strategy}, status={"observedGeneration": 1})
    status = registry.aggregate_status(template, [_stateful(1)], behind=set())
    assert status is not None
    assert status["observedGeneration"] == 2


def test_a_job_gets_the_time_at_which_it_completed() -> None:
    complete = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
    item = AggregatedStatusItem(cluster_name="m", applied=True, status=complete)
    status = registry.aggregate_status(obj("Job", api_version="batch/v1"), [item], now="2026-01-01T00:00:00Z")
    assert status is not None
    assert status["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_a_dependency_that_cannot_be_looked_up_is_an_error() -> None:
    ingress = obj("Ingress", api_version="networking.k8s.io/v1", spec={"tls": [{}]})
    with pytest.raises(InterpretError, match="all empty"):
        registry.dependencies(ingress)
    with pytest.raises(InterpretError, match="at most 63"):
        registry.dependencies(
            {**obj("ServiceImport", api_version="multicluster.x-k8s.io/v1alpha1"), "metadata": {"name": "n" * 60}}
        )
