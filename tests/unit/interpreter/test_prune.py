"""What is taken from an object before it travels."""

from typing import Any

import pytest

from libs.common.interpreter import registry

_UIDS = {"controller-uid": "1", "batch.kubernetes.io/controller-uid": "1"}


def test_what_the_server_wrote_goes_and_everything_else_stays() -> None:
    obj = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {
            "name": "w",
            "labels": {"a": "b"},
            "uid": "1",
            "resourceVersion": "2",
            "generation": 3,
            "creationTimestamp": None,
            "managedFields": [],
            "ownerReferences": [],
            "finalizers": ["f"],
        },
        "anything": {"deep": [1, None]},
        "status": {"x": 1},
    }
    assert registry.prune(obj) == {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "labels": {"a": "b"}},
        "anything": {"deep": [1, None]},
    }
    assert "status" in obj


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (
            {"kind": "Deployment", "metadata": {"annotations": {"deployment.kubernetes.io/revision": "1", "a": "b"}}},
            {"kind": "Deployment", "metadata": {"annotations": {"a": "b"}}},
        ),
        (
            {"kind": "Service", "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "type": "ClusterIP"}},
            {"kind": "Service", "spec": {"type": "ClusterIP"}},
        ),
        (
            {"kind": "Service", "spec": {"clusterIP": "None", "clusterIPs": ["None"]}},
            {"kind": "Service", "spec": {"clusterIP": "None", "clusterIPs": ["None"]}},
        ),
        ({"kind": "Service", "spec": {"clusterIPs": ["1"]}}, {"kind": "Service", "spec": {"clusterIPs": ["1"]}}),
        (
            {"kind": "Job", "spec": {"ttlSecondsAfterFinished": 5, "selector": {"matchLabels": {**_UIDS, "a": "b"}}}},
            {"kind": "Job", "spec": {"selector": {"matchLabels": {"a": "b"}}}},
        ),
        (
            {"kind": "Job", "spec": {"template": {"metadata": {"labels": {**_UIDS, "job-name": "j", "a": "b"}}}}},
            {"kind": "Job", "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}},
        ),
        (
            {"kind": "Job", "spec": {"manualSelector": True, "selector": {"matchLabels": _UIDS}}},
            {"kind": "Job", "spec": {"manualSelector": True, "selector": {"matchLabels": _UIDS}}},
        ),
        (
            {"kind": "Secret", "type": "kubernetes.io/service-account-token", "data": {"token": "x"}},
            {"kind": "Secret", "type": "kubernetes.io/service-account-token"},
        ),
        ({"kind": "Secret", "data": {"a": "eA=="}}, {"kind": "Secret", "data": {"a": "eA=="}}),
        (
            {
                "kind": "ServiceAccount",
                "metadata": {"name": "sa"},
                "secrets": [{"name": "sa-token-x"}, {"name": "mine"}],
            },
            {"kind": "ServiceAccount", "metadata": {"name": "sa"}, "secrets": [{"name": "mine"}]},
        ),
    ],
)
def test_leftovers_of_a_kind(given: dict[str, Any], left: dict[str, Any]) -> None:
    assert registry.prune(given) == left
