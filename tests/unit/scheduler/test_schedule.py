"""What is decided, case by case."""

from typing import Any

import pytest

from libs.common.api.cluster import ResourceSummary
from libs.common.api.meta import Toleration
from libs.common.api.policy import ClusterAffinityTerm, OverflowClusterAffinity, Placement
from libs.common.api.work import Component, ComponentRequirements, GracefulEvictionTask
from libs.common.messages import ClusterEntry
from services.scheduler.core import schedule
from services.scheduler.core.options import Options
from tests.unit.scheduler.worlds import (
    aggregated,
    cluster,
    duplicated,
    dynamic,
    labelled,
    modelled,
    named,
    reasons,
    replicas,
    request,
    spread,
    static,
)

THREE = [cluster("m1"), cluster("m2"), cluster("m3")]


def rooms(**pods: int) -> list[ClusterEntry]:
    return [cluster(name, pods=count) for name, count in pods.items()]


@pytest.mark.parametrize(
    ("asked", "clusters", "expected"),
    [
        pytest.param(request(placement=None), THREE, {"m1": 0, "m2": 0, "m3": 0}, id="a copy goes everywhere"),
        pytest.param(request(2, placement=duplicated()), THREE, {"m1": 2, "m2": 2, "m3": 2}, id="duplicated"),
        pytest.param(request(9, placement=static({"m1": 2, "m2": 1})), THREE, {"m1": 6, "m2": 3}, id="static 2:1"),
        pytest.param(request(4, placement=static()), THREE, {"m1": 2, "m2": 1, "m3": 1}, id="no weights: equal"),
        pytest.param(request(4, placement=static({"x": 1})), THREE, {"m1": 2, "m2": 1, "m3": 1}, id="weights of none"),
        pytest.param(request(1, placement=static()), THREE, {"m1": 1}, id="who gets no replica is left out"),
        pytest.param(request(0, placement=static()), THREE, {}, id="no replicas"),
        pytest.param(
            request(12, placement=dynamic()), rooms(m1=6, m2=12, m3=18), {"m1": 2, "m2": 4, "m3": 6}, id="by room"
        ),
        pytest.param(
            request(15, placement=dynamic(), now={"m1": 2, "m2": 4, "m3": 6}),
            rooms(m1=4, m2=8, m3=12),
            {"m1": 3, "m2": 5, "m3": 7},
            id="by room, scaled up: what runs stays",
        ),
        pytest.param(
            request(12, placement=aggregated()), rooms(m1=10, m2=8, m3=4), {"m1": 7, "m2": 5}, id="aggregated: fewest"
        ),
        pytest.param(
            request(6, placement=aggregated(), now={"m1": 7, "m2": 5}),
            rooms(m1=10, m2=8, m3=4),
            {"m1": 6},
            id="aggregated, scaled down",
        ),
        pytest.param(
            request(14, placement=aggregated(), now={"m1": 7, "m2": 5}),
            rooms(m1=1, m2=1, m3=9),
            {"m1": 8, "m2": 6},
            id="aggregated, scaled up: where it runs first",
        ),
        pytest.param(
            request(2, placement=duplicated(spread_constraints=[spread("cluster", 1, 2)])),
            rooms(m1=5, m2=9, m3=7, m4=9),
            {"m2": 2, "m4": 2},
            id="spread by cluster: most room, then name",
        ),
    ],
)
def test_replicas(asked: Any, clusters: list[ClusterEntry], expected: dict[str, int]) -> None:
    assert replicas(schedule.decide(asked, clusters)) == expected


@pytest.mark.parametrize(
    ("asked", "one", "reason"),
    [
        pytest.param(
            request(placement=Placement(cluster_affinity=named("m2"))),
            cluster("m1"),
            "cluster(s) did not match the placement cluster affinity constraint",
            id="affinity",
        ),
        pytest.param(
            request(),
            cluster("m1", taints=("a=b:NoSchedule",)),
            "cluster(s) had untolerated taint {a=b:NoSchedule}",
            id="taint",
        ),
        pytest.param(
            request(),
            cluster("m1", taints=("a:NoExecute",)),
            "cluster(s) had untolerated taint {a:NoExecute}",
            id="bare taint",
        ),
        pytest.param(
            request(), cluster("m1", api_enablements={}), "cluster(s) did not have the API resource", id="API missing"
        ),
        pytest.param(
            request(placement=Placement(spread_constraints=[spread("region", 1, 1), spread("cluster", 1, 1)])),
            cluster("m1"),
            "cluster(s) did not have region property",
            id="region",
        ),
        pytest.param(
            request(placement=Placement(spread_constraints=[spread("zone", 1, 1)])),
            cluster("m1"),
            "cluster(s) did not have zones property",
            id="zone",
        ),
        pytest.param(
            request(graceful_eviction_tasks=[GracefulEvictionTask(from_cluster="m1")]),
            cluster("m1"),
            "cluster(s) is in the process of eviction",
            id="eviction",
        ),
    ],
)
def test_a_rejected_cluster_has_its_reason(asked: Any, one: ClusterEntry, reason: str) -> None:
    placed = schedule.decide(asked, [one])
    assert placed.failure == "NoClusterFit"
    assert placed.message == f"0/1 clusters are available: 1 {reason}."
    assert reasons(placed) == {"m1": reason}


def test_reasons_are_counted() -> None:
    clusters = [cluster("m1", taints=("a:NoSchedule",)), cluster("m2"), cluster("m3"), cluster("m4", deleting=True)]
    placed = schedule.decide(request(placement=Placement(cluster_affinity=named("m1"))), clusters)
    assert placed.message == (
        "0/4 clusters are available: 1 cluster(s) had untolerated taint {a:NoSchedule}, "
        "2 cluster(s) did not match the placement cluster affinity constraint."
    )


@pytest.mark.parametrize(
    ("toleration", "placed"),
    [
        (Toleration(key="a", value="b"), True),
        (Toleration(key="a", operator="Equal", value="b", effect="NoSchedule"), True),
        (Toleration(key="a", operator="Exists"), True),
        (Toleration(operator="Exists"), True),
        (Toleration(key="a", value="c"), False),
        (Toleration(key="a", operator="Exists", effect="NoExecute"), False),
        (Toleration(key="b", operator="Exists"), False),
    ],
)
def test_tolerations(toleration: Toleration, placed: bool) -> None:
    asked = request(placement=Placement(cluster_tolerations=[toleration]))
    decided = schedule.decide(asked, [cluster("m1", taints=("a=b:NoSchedule",))])
    assert (decided.failure is None) is placed


def test_where_it_runs_already_taints_and_apis_are_not_looked_at() -> None:
    clusters = [cluster("m1", taints=("a:NoExecute",), api_enablements={}), cluster("m2", taints=("a:NoExecute",))]
    assert replicas(schedule.decide(request(now={"m1": 0}), clusters)) == {"m1": 0}


def test_soft_taints_do_not_count() -> None:
    assert replicas(schedule.decide(request(), [cluster("m1", taints=("a:PreferNoSchedule",))])) == {"m1": 0}


def test_a_cluster_that_is_being_deleted_is_no_candidate() -> None:
    placed = schedule.decide(request(), [cluster("m1", deleting=True), cluster("m2")])
    assert replicas(placed) == {"m2": 0}
    assert reasons(placed) == {}


def test_unknown_capacity_is_not_room_and_what_runs_there_stays() -> None:
    clusters = [cluster("m1", pods=None), cluster("m2", pods=10)]
    placed = schedule.decide(request(6, placement=dynamic(), now={"m1": 2}), clusters)
    assert replicas(placed) == {"m1": 2, "m2": 4}


def test_too_little_room() -> None:
    placed = schedule.decide(request(9, placement=dynamic()), rooms(m1=2, m2=3))
    assert placed.failure == "Unschedulable"
    assert placed.message == (
        "failed to assign replicas: failed to scale up: Clusters available replicas 5 are not enough to schedule."
    )


def test_a_rescheduling_lets_go_of_what_runs() -> None:
    asked = request(
        6,
        placement=dynamic(),
        now={"m1": 6},
        reschedule_triggered_at="2026-01-01T00:00:01Z",
        last_scheduled_time="2026-01-01T00:00:00.5Z",
    )
    assert replicas(schedule.decide(asked, rooms(m1=0, m2=6))) == {"m1": 3, "m2": 3}


def test_a_rescheduling_counts_once() -> None:
    asked = request(
        6,
        placement=dynamic(),
        now={"m1": 6},
        reschedule_triggered_at="2026-01-01T00:00:00Z",
        last_scheduled_time="2026-01-01T00:00:00.5Z",
    )
    assert replicas(schedule.decide(asked, rooms(m1=0, m2=6))) == {"m1": 6}


def terms(*named_terms: tuple[str, str], overflow: str = "") -> list[ClusterAffinityTerm]:
    groups = [OverflowClusterAffinity(affinity_name="overflow", cluster_names=[overflow])] if overflow else None
    return [
        ClusterAffinityTerm(affinity_name=name, cluster_names=[member], overflow_affinities=groups)
        for name, member in named_terms
    ]


def test_the_next_affinity_term_is_tried() -> None:
    placement = dynamic(cluster_affinities=terms(("primary", "m1"), ("backup", "m2")))
    placed = schedule.decide(request(6, placement=placement), rooms(m1=2, m2=9))
    assert replicas(placed) == {"m2": 6}
    assert placed.affinity_name == "backup"
    assert placed.explanation.notes[0].startswith("affinity primary: failed to assign replicas")


@pytest.mark.parametrize(("triggered", "expected"), [(None, "backup"), ("2026-01-02T00:00:00Z", "primary")])
def test_it_stays_with_the_later_term_until_rescheduled(triggered: str | None, expected: str) -> None:
    placement = dynamic(cluster_affinities=terms(("primary", "m1"), ("backup", "m2")))
    asked = request(
        6,
        placement=placement,
        now={"m2": 6},
        affinity_name="backup",
        reschedule_triggered_at=triggered,
        last_scheduled_time="2026-01-01T00:00:00Z",
    )
    assert schedule.decide(asked, rooms(m1=9, m2=9)).affinity_name == expected


def test_where_all_terms_fail_the_first_failure_is_told() -> None:
    placement = dynamic(cluster_affinities=terms(("primary", "m1"), ("backup", "nowhere")))
    placed = schedule.decide(request(6, placement=placement), rooms(m1=2))
    assert placed.failure == "Unschedulable"


def test_overflow_takes_what_the_term_cannot() -> None:
    placement = dynamic(cluster_affinities=terms(("primary", "m1"), overflow="m2"))
    assert replicas(schedule.decide(request(6, placement=placement), rooms(m1=4, m2=9))) == {"m1": 4, "m2": 2}
    assert replicas(schedule.decide(request(3, placement=placement, now={"m1": 4, "m2": 2}), rooms(m1=0, m2=9))) == {
        "m1": 3
    }


def test_models_count_whole_nodes() -> None:
    # three nodes of at least 2 cpu take one replica of 1500m each; a summary would have said none
    one = modelled("m1", {0: 5, 1: 3}, {0: "0", 1: "2"})
    placed = schedule.decide(request(3, cpu="1500m", placement=dynamic()), [one])
    assert replicas(placed) == {"m1": 3}
    assert schedule.decide(request(4, cpu="1500m", placement=dynamic()), [one]).failure == "Unschedulable"


def test_sets_of_components_go_into_one_cluster_with_room_for_a_whole_set() -> None:
    components = [
        Component(name="jm", replicas=1, replica_requirements=ComponentRequirements(resource_request={"cpu": "1"})),
        Component(name="tm", replicas=4, replica_requirements=ComponentRequirements(resource_request={"cpu": "2"})),
    ]
    small, large = (
        cluster(name, resource_summary=ResourceSummary(allocatable={"pods": 50, "cpu": cpu}))
        for name, cpu in (("m1", "8"), ("m2", "9"))
    )
    placement = aggregated(spread_constraints=[spread("cluster", 1, 1)])
    asked = request(5, placement=placement, components=components)
    (placed,) = schedule.decide(asked, [small, large]).clusters
    assert placed.name == "m2"
    assert [(c.name, c.replicas) for c in placed.components or ()] == [("jm", 1), ("tm", 4)]


def test_regions() -> None:
    placement = duplicated(spread_constraints=[spread("region", 2, 2), spread("cluster", 3, 3)])
    clusters = [
        cluster("m1", region="eu"),
        cluster("m2", region="eu"),
        cluster("m3", region="us"),
        cluster("m4", region="us"),
        cluster("m5", region="ap"),
    ]
    placed = schedule.decide(request(1, placement=placement), clusters)
    regions = {c.name: c.region for c in clusters}
    assert len(placed.clusters) == 3
    assert len({regions[c.name] for c in placed.clusters}) == 2
    assert "spread by region: " in placed.explanation.notes[0]


def test_a_cluster_that_fits_and_is_not_chosen_has_a_reason() -> None:
    placement = duplicated(spread_constraints=[spread("cluster", 1, 1)], cluster_affinity=labelled(env="prod"))
    clusters = [cluster("m1", labels={"env": "prod"}), cluster("m2", labels={"env": "prod"}), cluster("m3")]
    placed = schedule.decide(request(1, placement=placement), clusters)
    assert reasons(placed) == {
        "m2": "not selected: number 2 of 2 that fit, and fewer are wanted",
        "m3": "cluster(s) did not match the placement cluster affinity constraint",
    }


def test_the_answer_names_what_was_asked() -> None:
    placed = schedule.decide(request(1, uid="u1", placement=duplicated()), [cluster("m1")])
    assert (placed.template_uid, placed.digest, placed.clusters[0].uid) == ("u1", "d", "uid-m1")


def test_empty_workloads_are_propagated_where_an_installation_wants_it() -> None:
    options = Options(enable_empty_workload_propagation=True)
    assert replicas(schedule.decide(request(0, placement=static()), THREE, options)) == {"m1": 0, "m2": 0, "m3": 0}


@pytest.mark.parametrize(
    ("plugins", "placed"),
    [(["*"], False), (["*", "-TaintToleration"], True), (["ClusterAffinity"], True), (["TaintToleration"], False)],
)
def test_filters_can_be_switched_off(plugins: list[str], placed: bool) -> None:
    decided = schedule.decide(request(), [cluster("m1", taints=("a:NoExecute",))], Options(plugins=plugins))
    assert (decided.failure is None) is placed


@pytest.mark.parametrize(
    ("asked", "one", "reason"),
    [
        (request(0, placement=static()), cluster("m9"), "no replica assigned: none is asked for"),
        (request(2, placement=dynamic()), cluster("m9", pods=None), "no replica assigned: its capacity is unknown"),
        (request(2, placement=dynamic()), cluster("m9", pods=0), "no replica assigned: it has no room for more"),
        (request(2, placement=dynamic()), cluster("m9", pods=1), "no replica assigned: its share is too small for one"),
        (request(2, placement=aggregated()), cluster("m9"), "no replica assigned: fewer clusters hold them all"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cluster_without_a_replica_has_a_reason(asked: Any, one: ClusterEntry, reason: str) -> None:
    assert reasons(schedule.decide(asked, [cluster("m1", pods=1000), one]))["m9"] == reason
