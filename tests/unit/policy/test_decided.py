"""What is remembered of decisions between two looks."""

from datetime import timedelta

from libs.common.names import OriginKey
from services.policy.decided import Decided

KEY = OriginKey("default", "a")


def test_the_scheduler_is_asked_ever_less_often_while_it_does_not_know_the_clusters() -> None:
    decided = Decided()
    pauses = [decided.too_early(KEY) for _ in range(40)]
    assert pauses[:3] == [timedelta(milliseconds=m) for m in (200, 400, 800)]
    assert pauses[-1] == timedelta(seconds=30)
    decided.at(KEY, "fingerprint")
    assert decided.too_early(KEY) == pauses[0]


def test_a_decision_for_a_while_says_when_to_ask_again() -> None:
    decided = Decided()
    assert decided.again(KEY, 0.0) is None
    decided.at(KEY, "fingerprint", until=10.0)
    assert decided.again(KEY, 4.0) == timedelta(seconds=6)
    assert decided.since(KEY, "fingerprint", 4.0)
    assert decided.again(KEY, 11.0) is None
    assert not decided.since(KEY, "fingerprint", 11.0)
