"""What holds for every decision."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.api.policy import Placement
from libs.common.messages import ClusterEntry
from services.scheduler.core import schedule
from tests.unit.scheduler.worlds import aggregated, cluster, duplicated, dynamic, request, spread, static

NAMES = [f"m{n}" for n in range(8)]

rooms = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 60), min_size=1)
running = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 20), max_size=4)
divided = st.sampled_from([aggregated(), dynamic(), static(), static({"m1": 3, "m2": 1})])
any_placement = st.one_of(
    divided,
    st.just(duplicated()),
    st.builds(
        lambda least, more, make: make(spread_constraints=[spread("cluster", least, least + more)]),
        st.integers(1, 3),
        st.integers(0, 3),
        st.sampled_from([duplicated, dynamic, aggregated]),
    ),
    st.builds(
        lambda regions, clusters, make: make(
            spread_constraints=[spread("region", regions, regions + 1), spread("cluster", clusters, clusters + 2)]
        ),
        st.integers(1, 3),
        st.integers(1, 4),
        st.sampled_from([duplicated, dynamic, aggregated]),
    ),
)


def fleet(by_room: dict[str, int]) -> list[ClusterEntry]:
    regions = ("eu", "us", "ap")
    return [cluster(name, pods=pods, region=regions[int(name[1:]) % 3]) for name, pods in by_room.items()]


@given(rooms, st.integers(0, 100), running, divided, st.text(max_size=5))
def test_replicas_sum_up(
    by_room: dict[str, int], wanted: int, now: dict[str, int], placement: Placement, uid: str
) -> None:
    placed = schedule.decide(request(wanted, now=now, placement=placement, uid=uid), fleet(by_room))
    if placed.failure is None and wanted:
        assert sum(c.replicas for c in placed.clusters) == wanted


@given(rooms, st.integers(1, 100), st.sampled_from([aggregated(), dynamic()]))
def test_no_cluster_gets_more_than_it_has_room_for(by_room: dict[str, int], wanted: int, placement: Placement) -> None:
    placed = schedule.decide(request(wanted, placement=placement), fleet(by_room))
    assert (placed.failure is None) == (sum(by_room.values()) >= wanted)
    assert all(c.replicas <= by_room[c.name] for c in placed.clusters)


@given(rooms, st.integers(1, 60), st.sampled_from([aggregated, dynamic]))
def test_asked_again_after_it_was_done_nothing_moves(by_room: dict[str, int], wanted: int, make: Any) -> None:
    first = schedule.decide(request(wanted, placement=make()), fleet(by_room))
    if first.failure is not None:
        return
    now = {c.name: c.replicas for c in first.clusters}
    left = {name: pods - now.get(name, 0) for name, pods in by_room.items()}
    again = schedule.decide(request(wanted, placement=make(), now=now), fleet(left))
    assert {c.name: c.replicas for c in again.clusters} == now


@given(rooms, st.integers(1, 40), st.integers(1, 40), st.sampled_from([aggregated, dynamic]))
def test_scaling_up_takes_nothing_away(by_room: dict[str, int], wanted: int, more: int, make: Any) -> None:
    first = schedule.decide(request(wanted, placement=make()), fleet(by_room))
    if first.failure is not None:
        return
    now = {c.name: c.replicas for c in first.clusters}
    left = {name: pods - now.get(name, 0) for name, pods in by_room.items()}
    again = schedule.decide(request(wanted + more, placement=make(), now=now), fleet(left))
    if again.failure is None:
        after = {c.name: c.replicas for c in again.clusters}
        assert all(after.get(name, 0) >= count for name, count in now.items())


@given(rooms, st.integers(0, 60), running, any_placement, st.randoms(use_true_random=False))
def test_the_order_of_the_clusters_is_nothing(
    by_room: dict[str, int], wanted: int, now: dict[str, int], placement: Placement, random: Any
) -> None:
    clusters = fleet(by_room)
    shuffled = list(clusters)
    random.shuffle(shuffled)
    asked = request(wanted, now=now, placement=placement)
    assert schedule.decide(asked, clusters) == schedule.decide(asked, shuffled)


@given(rooms, st.integers(0, 60), running, any_placement)
def test_every_cluster_is_explained(
    by_room: dict[str, int], wanted: int, now: dict[str, int], placement: Placement
) -> None:
    placed = schedule.decide(request(wanted, now=now, placement=placement), fleet(by_room))
    assert [v.cluster for v in placed.explanation.clusters] == sorted(by_room)
    chosen = {v.cluster: v.replicas for v in placed.explanation.clusters if v.chosen}
    assert chosen == {c.name: c.replicas for c in placed.clusters}
    assert all(v.reason for v in placed.explanation.clusters if not v.chosen)
    assert placed.explanation.summary


@given(rooms, st.integers(1, 30), any_placement)
def test_spread_limits_hold(by_room: dict[str, int], wanted: int, placement: Placement) -> None:
    clusters = fleet(by_room)
    placed = schedule.decide(request(wanted, placement=placement), clusters)
    regions = {c.name: c.region for c in clusters}
    if placed.failure is not None:
        return
    most = {c.spread_by_field: c.max_groups for c in placement.spread_constraints or ()}
    if "region" in most:
        assert len({regions[c.name] for c in placed.clusters}) <= most["region"]
    if "cluster" in most:
        # the first cluster of each region is taken even beyond the number of clusters
        assert len(placed.clusters) <= max(most.values())
