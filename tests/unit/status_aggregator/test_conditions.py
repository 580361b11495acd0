"""The health of clusters."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.api.meta import Condition, Taint
from services.status_aggregator.core import conditions

T0 = datetime(2026, 8, 1, 12, tzinfo=UTC)
NOW = "2026-08-01T12:00:00Z"
THRESHOLDS = conditions.Thresholds(success=timedelta(seconds=30), failure=timedelta(seconds=20))
GRACE = timedelta(seconds=40)
UP = Condition(type="Ready", status="True", reason="ClusterReady")
DOWN = Condition(type="Ready", status="False", reason="ClusterNotReachable")
UNKNOWN = Condition(type="Ready", status="Unknown", reason="ClusterStatusUnknown")


def _after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("present", "before", "observed", "lasted", "shown"),
    [
        (None, UP, DOWN, 0, DOWN),
        (UP, UP, DOWN, 19, UP),
        (UP, UP, DOWN, 20, DOWN),
        (DOWN, DOWN, UP, 29, DOWN),
        (DOWN, DOWN, UP, 30, UP),
        (UNKNOWN, UNKNOWN, UP, 1, UNKNOWN),
        (UNKNOWN, UP, DOWN, 0, DOWN),
        (UP, DOWN, UP, 0, UP),
    ],
)
def test_a_flip_shows_after_it_has_lasted(
    present: Condition | None, before: Condition, observed: Condition, lasted: float, shown: Condition
) -> None:
    earlier = conditions.Observed(ready=before, since=_after(-100))
    seen = conditions.observe(earlier, observed, T0)
    assert conditions.ready(seen, present, THRESHOLDS, _after(lasted)) == shown


def test_the_first_observation_is_taken_as_it_is() -> None:
    seen = conditions.observe(None, DOWN, T0)
    assert conditions.ready(seen, UP, THRESHOLDS, T0) == DOWN


def test_an_observation_that_goes_back_starts_anew() -> None:
    seen = conditions.observe(conditions.Observed(ready=UP, since=_after(-100)), DOWN, T0)
    seen = conditions.observe(conditions.observe(seen, UP, _after(5)), DOWN, _after(10))
    assert conditions.flips_at(seen, UP, THRESHOLDS) == _after(30)


def test_the_time_of_a_condition_changes_with_its_status_alone() -> None:
    known = Condition(type="Ready", status="True", reason="Old", last_transition_time="earlier")
    assert conditions.since(UP, known, NOW).last_transition_time == "earlier"
    assert conditions.since(DOWN, known, NOW).last_transition_time == NOW


# ---- silence ---------------------------------------------------------------------------------------------------------


def _judge(
    silences: dict[str, float], *, unknown: tuple[str, ...] = (), good: float | None = -1000
) -> conditions.Verdict:
    return conditions.judge(
        {name: _after(-silence) for name, silence in silences.items()},
        unknown,
        bus_good_since=_after(good) if good is not None else None,
        now=T0,
        grace=dict.fromkeys(silences, GRACE),
    )


@pytest.mark.parametrize(
    ("silences", "silent"),
    [
        ({"a": 1, "b": 2, "c": 39}, set()),
        ({"a": 41, "b": 2, "c": 3}, {"a"}),
        ({"a": 41, "b": 2}, {"a"}),
        ({"a": 41}, {"a"}),
    ],
)
def test_a_cluster_that_falls_silent_alone_is_judged(silences: dict[str, float], silent: set[str]) -> None:
    verdict = _judge(silences)
    assert verdict == conditions.Verdict(silent=frozenset(silent))


def test_when_most_fall_silent_together_nobody_is_judged() -> None:
    verdict = _judge({"a": 41, "b": 42, "c": 3})
    assert verdict.silent == frozenset()
    assert verdict.frozen == "heartbeats of 2 of 3 clusters stopped together"


def test_those_who_were_silent_before_are_no_witnesses() -> None:
    verdict = _judge({"a": 500, "b": 500, "c": 41, "d": 1}, unknown=("a", "b"))
    assert verdict == conditions.Verdict(silent=frozenset({"a", "b", "c"}))


@pytest.mark.parametrize(
    ("good", "silent", "doubtful"),
    [(None, set(), {"a"}), (-5, set(), {"a"}), (-41, {"a"}, set())],
    ids=["no round trip", "good again for 5 s only", "good all along"],
)
def test_silence_counts_only_while_the_bus_is_proven_good(
    good: float | None, silent: set[str], doubtful: set[str]
) -> None:
    verdict = _judge({"a": 41, "b": 1, "c": 1}, good=good)
    assert (verdict.silent, verdict.doubtful) == (silent, doubtful)
    assert bool(verdict.frozen) == bool(doubtful)


# ---- taints ----------------------------------------------------------------------------------------------------------

NOT_READY = Taint(key="cluster.karmada.io/not-ready", effect="NoSchedule", time_added=NOW)
UNREACHABLE = Taint(key="cluster.karmada.io/unreachable", effect="NoSchedule", time_added=NOW)
MINE = Taint(key="mine", effect="NoSchedule")
EVICTING = Taint(key="cluster.karmada.io/not-ready", effect="NoExecute")


@pytest.mark.parametrize(
    ("present", "ready", "wanted"),
    [
        ([], None, [NOT_READY]),
        ([MINE], DOWN, [MINE, NOT_READY]),
        ([NOT_READY, MINE], UNKNOWN, [MINE, UNREACHABLE]),
        ([UNREACHABLE, EVICTING], UP, [EVICTING]),
        ([MINE], UP, [MINE]),
        ([NOT_READY], DOWN, [NOT_READY]),
    ],
)
def test_taints_follow_health(present: list[Taint], ready: Condition | None, wanted: list[Taint]) -> None:
    assert conditions.taints(present, ready, NOW) == wanted


def test_the_event_about_taints_is_karmadas() -> None:
    assert conditions.taints_message([MINE, Taint(key="k", value="v", effect="NoExecute")]) == (
        "Taint cluster succeed: cluster now has taints("
        "[{Key:mine,Effect:NoSchedule},{Key:k,Value:v,Effect:NoExecute}])."
    )
    assert conditions.taints_message([]) == "Taint cluster succeed: cluster now does not have taints."
