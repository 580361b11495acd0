"""Dividing replicas by weights."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import names
from services.scheduler.core import division

ODD = next(f"{n}" for n in range(100) if names.fnv1a32(f"{n}") % 2 == 1)
EVEN = next(f"{n}" for n in range(100) if names.fnv1a32(f"{n}") % 2 == 0)

weights = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 1000), min_size=1)
seats = st.integers(0, 300)


@pytest.mark.parametrize(
    ("count", "by", "uid", "expected"),
    [
        (9, {"a": 1, "b": 3}, "", {"a": 2, "b": 7}),
        (10, {"a": 1, "b": 1, "c": 1}, "", {"a": 4, "b": 3, "c": 3}),
        (10, {"a": 1, "b": 1, "c": 1}, EVEN, {"a": 4, "b": 3, "c": 3}),
        (10, {"a": 1, "b": 1, "c": 1}, ODD, {"a": 3, "b": 3, "c": 4}),
        (7, {"a": 2, "b": 1, "c": 1}, "", {"a": 3, "b": 2, "c": 2}),
        (3, {"a": 2, "b": 1, "c": 1}, "", {"a": 1, "b": 1, "c": 1}),
        (5, {"a": 10, "b": 1}, "", {"a": 5, "b": 0}),
        (0, {"a": 1}, "", {"a": 0}),
        (5, {"a": 0, "b": 0}, "", {}),
        (5, {}, "", {}),
    ],
    ids=lambda value: "".join(str(value).split()) if isinstance(value, dict) else str(value),
)
def test_seats(count: int, by: dict[str, int], uid: str, expected: dict[str, int]) -> None:
    assert division.divide(count, by, uid) == expected


@given(seats, weights, st.text())
def test_all_seats_are_given(count: int, by: dict[str, int], uid: str) -> None:
    assert sum(division.divide(count, by, uid).values()) == count


@given(seats, weights, st.text())
def test_nobody_has_less_for_more_weight(count: int, by: dict[str, int], uid: str) -> None:
    given_ = division.divide(count, by, uid)
    for one in by:
        for other in by:
            if by[one] > by[other]:
                assert given_[one] >= given_[other]


@given(seats, weights)
def test_no_seat_would_be_better_elsewhere(count: int, by: dict[str, int]) -> None:
    """Webster's condition: whoever got the last seat had at least the claim that anybody has on one more."""
    given_ = division.divide(count, by)
    for winner, had in given_.items():
        for other, has in given_.items():
            if had > 0 and winner != other:
                assert Fraction(by[winner], 2 * had - 1) >= Fraction(by[other], 2 * has + 1)


@given(seats, weights, st.text())
def test_one_more_seat_takes_none_away(count: int, by: dict[str, int], uid: str) -> None:
    fewer, more = division.divide(count, by, uid), division.divide(count + 1, by, uid)
    assert all(more[name] >= fewer[name] for name in by)


@given(seats, weights, st.text(), st.randoms(use_true_random=False))
def test_the_order_of_the_weights_is_nothing(count: int, by: dict[str, int], uid: str, random: object) -> None:
    shuffled = list(by.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert division.divide(count, dict(shuffled), uid) == division.divide(count, by, uid)


@given(weights, st.integers(1, 20))
def test_a_multiple_of_the_weights_is_divided_exactly(by: dict[str, int], times: int) -> None:
    small = {name: weight % 10 + 1 for name, weight in by.items()}
    exact = {name: weight * times for name, weight in small.items()}
    assert division.divide(sum(exact.values()), small) == exact


@given(st.integers(0, 5000), st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**9), min_size=1), st.text())
def test_many_seats_are_given_as_one_by_one(count: int, by: dict[str, int], uid: str) -> None:
    assert division.divide(count, by, uid) == _one_by_one(count, by, uid)


def _one_by_one(count: int, by: dict[str, int], uid: str) -> dict[str, int]:
    """The definition: each seat to the highest weight per seat."""
    if not sum(by.values()):
        return {}
    ordered = sorted(by, reverse=bool(uid) and names.fnv1a32(uid) % 2 == 1)
    taken = dict.fromkeys(ordered, 0)
    for _ in range(count):
        # max takes the first of equals
        best = max(ordered, key=lambda name: (by[name] / (2 * taken[name] + 1), -taken[name]))
        taken[best] += 1
    return {name: taken[name] for name in sorted(taken)}
