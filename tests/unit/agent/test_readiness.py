"""What a member's health endpoint answers, in Karmada's words; and what stands in a namespace by itself."""

from typing import Any

import msgspec
import pytest

from libs.common.api.meta import PartialObject
from services.agent.core import contents, readiness


@pytest.mark.parametrize(
    ("status", "ready", "reason", "reachable"),
    [
        (200, "True", "ClusterReady", True),
        (202, "False", "ClusterNotReady", True),
        (500, "False", "ClusterNotReachable", False),
        (401, "False", "ClusterNotReachable", False),
        (None, "False", "ClusterNotReachable", False),
    ],
    ids=["fine", "another success", "an error", "not let in", "no answer"],
)
def test_readiness(status: int | None, ready: str, reason: str, reachable: bool) -> None:
    found = readiness.judge(status)
    assert (found.ready, found.reason, found.reachable) == (ready, reason, reachable)


def test_before_the_first_look_nothing_is_known() -> None:
    assert readiness.Readiness().ready == "Unknown"
    assert not readiness.Readiness().reachable


@pytest.mark.parametrize(
    ("known", "any_kind", "failures", "expected"),
    [(False, False, [], ""), (True, False, [], "Empty"), (True, True, ["x"], "Partial"), (True, True, [], "Complete")],
)
def test_completeness(known: bool, any_kind: bool, failures: list[str], expected: str) -> None:
    assert readiness.completeness(known, any_kind, failures) == expected


CONTROLLED = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}]
OWNED = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}]
TOKEN = {"kubernetes.io/service-account.name": "default"}


@pytest.mark.parametrize(
    ("kind", "metadata", "expected"),
    [
        ("ConfigMap", {"name": "kube-root-ca.crt"}, True),
        ("ServiceAccount", {"name": "default"}, True),
        ("Secret", {"name": "default-token-x", "annotations": TOKEN}, True),
        ("Pod", {"name": "p", "ownerReferences": CONTROLLED}, True),
        ("Event", {"name": "e"}, True),
        ("EndpointSlice", {"name": "s"}, True),
        ("ConfigMap", {"name": "notes"}, False),
        ("Pod", {"name": "p"}, False),
        ("Pod", {"name": "p", "ownerReferences": OWNED}, False),
        ("PersistentVolumeClaim", {"name": "data-db-0"}, False),
    ],
)
def test_what_comes_by_itself(kind: str, metadata: dict[str, Any], expected: bool) -> None:
    found = msgspec.convert({"metadata": metadata}, PartialObject)
    assert contents.comes_by_itself(kind, found) is expected


def test_the_kinds_that_a_definition_serves() -> None:
    versions = [{"name": "v1", "served": True}, {"name": "v1alpha1", "served": False}, {"name": "v2", "served": True}]
    spec = {"group": "x.io", "names": {"kind": "Widget"}, "versions": versions}
    assert contents.served({"spec": spec}) == [("x.io/v1", "Widget"), ("x.io/v2", "Widget")]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (None, False),
        ([], False),
        ([{"type": "Established", "status": "True"}], False),
        ([{"type": "NamesAccepted", "status": "False"}], False),
        ([{"type": "NamesAccepted", "status": "False"}, {"type": "Established", "status": "False"}], True),
    ],
)
def test_a_definition_must_say_itself_that_it_was_never_served(conditions: Any, expected: bool) -> None:
    assert contents.was_never_served({"status": {"conditions": conditions}}) is expected
