"""What is being left, since when, and when it is left: the durable record and the two ways to read an agent's word."""

from datetime import UTC, datetime

import msgspec
import pytest

from libs.common.api.cluster import Cluster, ClusterStatus
from libs.common.api.meta import Condition
from libs.common.messages import Gone, Order
from services.policy.core import leaving, retreat
from services.policy.core.leaving import Leaving
from tests.unit.policy.fleets import cluster, gone, leaving_cluster, published

UIDS = {"m1": "uid-m1", "m2": "uid-m2"}
SINCE = Order(epoch=2, seq=5)
BEFORE, AFTER = Order(epoch=2, seq=4), Order(epoch=2, seq=6)
ENTRY = {"m1": Leaving(uid="uid-m1", order=SINCE)}


@pytest.mark.parametrize("text", ["oops", "[]", '{"m1": {}}', "[" * 100_000])
def test_a_record_that_cannot_be_read_names_no_cluster(text: str) -> None:
    assert leaving.parse(text) == {}


def test_a_dropped_cluster_is_left_since_that_decision() -> None:
    left = leaving.after({}, dropped=["m1"], chosen=["m2"], uids=UIDS, order=SINCE)

    assert left == ENTRY


def test_a_cluster_that_is_chosen_again_is_not_left() -> None:
    assert leaving.after(ENTRY, dropped=[], chosen=["m1"], uids=UIDS, order=AFTER) == {}


def test_a_cluster_that_is_left_already_keeps_its_order() -> None:
    assert leaving.after(ENTRY, dropped=["m1"], chosen=[], uids=UIDS, order=AFTER) == ENTRY


def test_a_cluster_that_is_gone_has_nothing_to_be_left() -> None:
    assert leaving.after(ENTRY, dropped=["m3"], chosen=[], uids={"m2": "uid-m2"}, order=AFTER) == {}


def test_a_cluster_made_anew_is_not_the_one_that_is_left() -> None:
    assert leaving.cleared(ENTRY, {}, {"m1": "another"}) == {}


@pytest.mark.parametrize(
    ("word", "left"),
    [
        pytest.param(None, True, id="no word"),
        pytest.param(gone("m1", BEFORE), True, id="a word about an earlier order"),
        pytest.param(gone("m1", SINCE), False, id="a word about this order"),
        pytest.param(gone("m1", AFTER), False, id="a word about a later order"),
        pytest.param(gone("m1", AFTER, cluster_uid="another"), True, id="the word of another cluster of that name"),
    ],
)
def test_a_word_counts_for_its_cluster_and_order(word: Gone | None, left: bool) -> None:
    words = {"m1": word} if word is not None else {}

    assert ("m1" in leaving.cleared(ENTRY, words, UIDS)) == left


def test_the_annotation_survives_a_round_trip() -> None:
    assert leaving.parse(leaving.render(ENTRY)) == ENTRY
    assert leaving.render({}) is None


@pytest.mark.parametrize(
    ("standing", "word", "order"),
    [
        pytest.param(None, None, AFTER, id="nothing stands: since now"),
        pytest.param(published("apply", SINCE), None, SINCE, id="since the work that stands"),
        pytest.param(published("delete", SINCE), gone("m1", BEFORE), SINCE, id="an old word does not count"),
        pytest.param(published("delete", SINCE), gone("m1", SINCE), None, id="reported gone"),
        pytest.param(published("apply", SINCE, uid="another"), None, None, id="the work of an earlier cluster"),
    ],
)
def test_what_is_left_of_a_deleted_origin(standing: object, word: Gone | None, order: Order | None) -> None:
    left = retreat.remaining(
        ["m1"],
        {"m1": standing} if standing is not None else {},  # type: ignore[dict-item]
        {"m1": word} if word is not None else {},
        uids=UIDS,
        dead=(),
        kept=(),
        order=AFTER,
    )

    assert (left["m1"].order if "m1" in left else None) == order


def test_nobody_waits_for_a_dead_member() -> None:
    assert retreat.remaining(["m1"], {}, {}, uids=UIDS, dead={"m1"}, kept=(), order=AFTER) == {}


def with_ready(found: Cluster, ready: tuple[str, str] | None) -> Cluster:
    if ready is None:
        return found
    status, since = ready
    condition = Condition(type="Ready", status=status, reason="", message="", last_transition_time=since)
    return msgspec.structs.replace(found, status=ClusterStatus(conditions=[condition]))


@pytest.mark.parametrize(
    ("ready", "forsaken"),
    [
        pytest.param(("True", "2026-01-01T00:00:00Z"), False, id="ready"),
        pytest.param(("False", "2026-01-01T00:00:00Z"), True, id="unready for long"),
        pytest.param(("Unknown", "2026-01-01T00:00:00Z"), True, id="unknown for long"),
        pytest.param(("False", "2026-01-01T00:02:00Z"), False, id="unready since a moment"),
        pytest.param(None, True, id="never ready, and to leave for long"),
    ],
)
def test_only_a_cluster_that_is_to_leave_and_not_ready_for_long_is_forsaken(
    ready: tuple[str, str] | None, forsaken: bool
) -> None:
    before = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert retreat.is_forsaken(with_ready(leaving_cluster("m1"), ready), before) is forsaken
    assert not retreat.is_forsaken(with_ready(cluster("m1"), ready), before)
