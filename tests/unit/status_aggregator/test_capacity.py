"""A cluster's status and its row in the cluster table."""

from typing import Any

import msgspec
import pytest

from libs.common.api.cluster import (
    APIEnablement,
    APIResource,
    Cluster,
    ClusterSpec,
    ClusterStatus,
    NodeSummary,
    ResourceModel,
    ResourceModelRange,
    ResourceSummary,
)
from libs.common.api.meta import Condition, ObjectMeta
from libs.common.messages import CapacityReport
from services.status_aggregator.core import capacity, conditions

NOW = "2026-08-01T12:00:00Z"
UP = Condition(type="Ready", status="True", reason="ClusterReady", last_transition_time=NOW)
DOWN = Condition(type="Ready", status="False", reason="ClusterNotReachable", last_transition_time=NOW)
APIS = [APIEnablement(group_version="apps/v1", resources=[APIResource(name="deployments", kind="Deployment")])]
SUMMARY = ResourceSummary(allocatable={"cpu": "16"})


def report(**changes: Any) -> CapacityReport:
    said = CapacityReport(
        hub_uid="hub",
        cluster="member1",
        cluster_uid="uid",
        revision=7,
        agent="life-1",
        ready="True",
        kubernetes_version="v1.36.0",
        api_enablements=APIS,
        api_complete="Complete",
        node_summary=NodeSummary(total_num=3, ready_num=2),
        resource_summary=SUMMARY,
    )
    return msgspec.structs.replace(said, **changes)


def cluster(**spec: Any) -> Cluster:
    return Cluster(
        metadata=ObjectMeta(name="member1", uid="uid", resource_version="12", labels={"tier": "gold"}),
        spec=ClusterSpec(sync_mode="Push", **spec),
        status=ClusterStatus(conditions=[UP]),
    )


def test_a_healthy_cluster_tells_all() -> None:
    status = capacity.status(None, report(), UP, now=NOW)
    assert {c.type: (c.status, c.reason) for c in status.conditions or ()} == {
        "Ready": ("True", "ClusterReady"),
        "CompleteAPIEnablements": ("True", "Complete"),
    }
    assert (status.kubernetes_version, status.api_enablements, status.resource_summary) == ("v1.36.0", APIS, SUMMARY)
    assert status.node_summary == NodeSummary(total_num=3, ready_num=2)


def test_of_a_cluster_that_fails_only_the_health_is_written() -> None:
    before = capacity.status(None, report(), UP, now=NOW)
    after = capacity.status(before, report(ready="False", kubernetes_version="", api_enablements=[]), DOWN, now=NOW)
    assert msgspec.structs.replace(after, conditions=None) == msgspec.structs.replace(before, conditions=None)
    assert conditions.of_type(after.conditions, "Ready") == DOWN


@pytest.mark.parametrize(
    ("complete", "message"),
    [
        ("Partial", "might collect partial APIEnablements(1) from the cluster"),
        ("Empty", "collected empty APIEnablements from the cluster"),
    ],
)
def test_an_incomplete_list_of_apis_is_said_as_karmada_says_it(complete: str, message: str) -> None:
    status = capacity.status(None, report(api_complete=complete), UP, now=NOW)
    condition = conditions.of_type(status.conditions, "CompleteAPIEnablements")
    assert condition is not None
    assert (condition.status, condition.reason, condition.message) == ("False", complete, message)


def test_a_frozen_cluster_says_so_until_it_is_judged_again() -> None:
    frozen = capacity.status(None, report(), UP, frozen="the bus does not answer", now=NOW)
    condition = conditions.of_type(frozen.conditions, conditions.FROZEN)
    assert condition is not None
    assert condition.message.startswith("the bus does not answer; ")
    assert conditions.of_type(capacity.status(frozen, report(), UP, now=NOW).conditions, conditions.FROZEN) is None


def test_the_same_report_again_changes_nothing() -> None:
    first = capacity.status(None, report(), UP, now=NOW)
    assert capacity.status(first, report(), UP, now="later") == first


def test_conditions_of_others_stay() -> None:
    foreign = Condition(type="Maintenance", status="True", last_transition_time=NOW)
    status = capacity.status(ClusterStatus(conditions=[foreign]), report(), UP, now=NOW)
    assert foreign in (status.conditions or [])


# ---- rows ------------------------------------------------------------------------------------------------------------


def test_a_row_has_what_the_scheduler_needs() -> None:
    row = capacity.entry(cluster(provider="p", region="r", zones=["a", "b"]), report())
    assert (row.name, row.uid, row.resource_version, row.labels) == ("member1", "uid", "12", {"tier": "gold"})
    assert (row.provider, row.region, row.zones, row.ready) == ("p", "r", ["a", "b"], "True")
    assert row.api_enablements == {"apps/v1": ["Deployment"]}
    assert row.resource_summary == SUMMARY
    assert row.capacity_revision == "life-1/7"


def test_without_any_report_capacity_is_unknown_and_not_zero() -> None:
    assert capacity.entry(cluster(), None).resource_summary is None


def test_the_deprecated_zone_counts_where_zones_are_not_given() -> None:
    assert capacity.entry(cluster(zone="a"), None).zones == ["a"]


def test_resource_models_are_put_in_order_and_cover_everything() -> None:
    def model(grade: int, low: str, high: str) -> ResourceModel:
        return ResourceModel(grade=grade, ranges=[ResourceModelRange(name="cpu", min=low, max=high)])

    row = capacity.entry(cluster(resource_models=[model(2, "2", "4"), model(1, "1", "2")]), None)
    assert row.resource_models == [model(1, "0", "2"), model(2, "2", capacity.UNLIMITED)]


@pytest.mark.parametrize(
    ("new", "known", "wins"),
    [
        (report(), None, True),
        (report(revision=8), report(), True),
        (report(revision=6), report(), False),
        (report(revision=1, agent="life-2"), report(), True),
    ],
)
def test_which_report_is_newer(new: CapacityReport, known: CapacityReport | None, wins: bool) -> None:
    assert capacity.supersedes(new, known) is wins


@pytest.mark.parametrize(
    ("said", "fits"), [(report(), True), (report(cluster_uid="before"), False), (report(hub_uid="other"), False)]
)
def test_a_report_of_another_life_of_the_cluster_does_not_count(said: CapacityReport, fits: bool) -> None:
    assert capacity.is_of(said, cluster(), "hub") is fits
