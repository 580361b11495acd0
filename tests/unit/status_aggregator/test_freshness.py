"""When a write is due."""

import pytest

from libs.common.messages import Order
from services.status_aggregator.core import freshness
from services.status_aggregator.core.freshness import Pace

FIRST, SECOND = Order(epoch=1, seq=1), Order(epoch=1, seq=2)


def _due(
    pace: Pace, *, settled: bool = False, waiting: bool = False, now: float = 10.0, outcome: Order = FIRST
) -> float:
    noticed = freshness.notice(pace, waiting=waiting, outcome=outcome, now=now)
    return freshness.due(noticed, settled=settled, patience=freshness.PATIENCE)


@pytest.mark.parametrize(
    ("pace", "settled", "at"),
    [
        (Pace(), False, 0.0),
        (Pace(written=9.5), False, 10.5),
        (Pace(written=9.5), True, 0.0),
        (Pace(written=9.5, settled=9.5), True, 10.5),
        (Pace(written=8.0, settled=8.0), False, 9.0),
    ],
    ids=["first at once", "next after a second", "last at once", "two lasts within a second", "a new wave at once"],
)
def test_the_first_and_the_last_write_of_a_wave_are_not_delayed(pace: Pace, settled: bool, at: float) -> None:
    assert _due(pace, settled=settled) == at


def test_a_write_waits_a_moment_for_what_is_on_its_way() -> None:
    assert _due(Pace(), waiting=True) == 10.0 + freshness.PATIENCE


def test_the_wait_does_not_begin_anew_with_each_message() -> None:
    pace = freshness.notice(Pace(), waiting=True, outcome=FIRST, now=10.0)
    assert _due(pace, waiting=True, now=10.1) == 10.0 + freshness.PATIENCE


def test_a_newer_outcome_is_waited_for_in_turn() -> None:
    pace = freshness.notice(Pace(), waiting=True, outcome=FIRST, now=10.0)
    assert _due(pace, waiting=True, now=10.1, outcome=SECOND) == pytest.approx(10.1 + freshness.PATIENCE)


def test_ever_new_outcomes_cannot_hold_a_write_back_for_ever() -> None:
    pace = Pace()
    for step in range(20):
        pace = freshness.notice(pace, waiting=True, outcome=Order(seq=step), now=10.0 + step / 10)
    assert freshness.due(pace, settled=False, patience=freshness.PATIENCE) == 10.0 + freshness.INTERVAL


def test_nothing_is_waited_for_once_all_has_come() -> None:
    pace = freshness.notice(Pace(), waiting=True, outcome=FIRST, now=10.0)
    assert _due(pace, settled=True, waiting=False, now=10.05) == 0.0


def test_after_a_write_the_next_wave_waits_for_itself_alone() -> None:
    pace = freshness.wrote(freshness.notice(Pace(), waiting=True, outcome=FIRST, now=10.0), settled=False, now=10.2)
    assert pace.unwritten is None
    assert _due(pace, waiting=True, now=20.0, outcome=SECOND) == 20.0 + freshness.PATIENCE


@pytest.mark.parametrize(
    ("held", "patience", "interval"), [(0, 0.2, 1.0), (20, 0.4, 2.0), (40, 0.6, 3.0), (1000, 3.0, 5.0)]
)
def test_in_a_burst_there_is_more_time(held: int, patience: float, interval: float) -> None:
    assert freshness.patience(held) == pytest.approx(patience)
    assert freshness.interval(held) == pytest.approx(interval)


def test_a_burst_does_not_hold_the_last_write_back() -> None:
    pace = freshness.notice(Pace(written=9.5), waiting=False, outcome=FIRST, now=10.0)
    assert freshness.due(pace, settled=True, patience=3.0, interval=5.0) == 0.0
