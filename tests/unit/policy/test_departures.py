"""Clusters that leave the fleet: what stays, what moves, what is remembered."""

import msgspec
import pytest

from libs.common.api import wellknown
from libs.common.api.policy import Placement
from libs.common.messages import Order
from services.policy.core import departures, leaving
from services.policy.core.departures import Departure
from tests.unit.policy.fleets import binding, cluster, leaving_cluster

DIVIDED = msgspec.convert({"replicaScheduling": {"replicaSchedulingType": "Divided"}}, Placement)
UIDS = {"m1": "uid-m1", "m2": "uid-m2"}
NOW = Order(epoch=1, seq=9)


@pytest.mark.parametrize(
    ("leaver", "how"),
    [
        pytest.param(cluster("m1"), None, id="stays"),
        pytest.param(leaving_cluster("m1"), Departure(keep=True, reschedule=False), id="keeps by default"),
        pytest.param(
            leaving_cluster("m1", reschedule="true"), Departure(keep=True, reschedule=True), id="keeps and is replaced"
        ),
        pytest.param(leaving_cluster("m1", on_delete="remove"), Departure(keep=False, reschedule=False), id="removed"),
        pytest.param(
            leaving_cluster("m1", on_delete="remove", reschedule="true"),
            Departure(keep=False, reschedule=True),
            id="removed and replaced",
        ),
        pytest.param(None, Departure(keep=True, reschedule=False), id="gone without a word"),
    ],
)
def test_how_a_cluster_leaves(leaver: object, how: Departure | None) -> None:
    assert departures.departure(leaver) == how  # type: ignore[arg-type]


def test_divided_replicas_stay_and_are_remembered() -> None:
    stands = binding("m1", "m2", replicas=2, placement=DIVIDED)
    clusters = {"m1": cluster("m1"), "m2": leaving_cluster("m2")}

    after = departures.without_departed(stands, clusters, UIDS, NOW)

    notes = after.metadata.annotations or {}
    assert [c.name for c in after.spec.clusters or ()] == ["m1"]
    assert leaving.parse(notes[wellknown.LEAVING_ANNOTATION])["m2"].keep
    assert departures.parse_unjoined(notes[wellknown.UNJOINED_ANNOTATION]) == {"m2": 2}


def test_copies_are_left_to_the_scheduler() -> None:
    stands = binding("m1", "m2")

    assert departures.without_departed(stands, {"m1": cluster("m1")}, UIDS, NOW) == stands


def test_what_is_to_be_replaced_is_left_to_the_scheduler() -> None:
    stands = binding("m1", replicas=2, placement=DIVIDED)

    leaver = leaving_cluster("m1", on_delete="remove", reschedule="true")
    assert departures.without_departed(stands, {"m1": leaver}, UIDS, NOW) == stands


def test_what_nobody_decides_about_leaves_all_the_same() -> None:
    after = departures.released_from_departed(
        binding("m1"), {"m1": leaving_cluster("m1", on_delete="remove")}, UIDS, NOW
    )

    notes = after.metadata.annotations or {}
    assert after.spec.clusters is None
    assert not leaving.parse(notes[wellknown.LEAVING_ANNOTATION])["m1"].keep
