"""Pauses after failures in a row."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.backoff import Backoff


@pytest.mark.parametrize(
    ("failures", "chance", "milliseconds"),
    [
        pytest.param(1, 0, 50, id="first"),
        pytest.param(2, 0, 100, id="doubles"),
        pytest.param(10, 0, 25_600, id="tenth"),
        pytest.param(11, 0, 30_000, id="limit"),
        pytest.param(10**6, 0, 30_000, id="no-overflow"),
        pytest.param(1, 0.5, 37.5, id="jitter-takes-away"),
    ],
)
def test_delay(failures: int, chance: float, milliseconds: float) -> None:
    assert Backoff().delay(failures, chance) == timedelta(milliseconds=milliseconds)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_stays_within_half_and_the_whole(failures: int, chance: float) -> None:
    full, delay = Backoff().delay(failures, 0), Backoff().delay(failures, chance)
    assert full / 2 <= delay <= full <= timedelta(seconds=30)
