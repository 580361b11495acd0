"""Division of completions: sums, ties and what gets nothing."""

from hypothesis import given
from hypothesis import strategies as st

from services.policy.core import completions


def test_ties_go_to_the_first_or_last_name_by_the_templates_uid() -> None:
    shares = {uid: completions.webster(1, {"m1": 1, "m2": 1}, tie_break=uid) for uid in ("", "x", "y", "z")}

    assert shares[""] == {"m1": 1, "m2": 0}
    assert {tuple(s.values()) for s in shares.values()} == {(1, 0), (0, 1)}


def test_without_votes_nothing_is_divided() -> None:
    assert completions.webster(5, {"m1": 0}, tie_break="") == {}


@given(st.integers(0, 60), st.dictionaries(st.sampled_from(["m1", "m2", "m3", "m4"]), st.integers(1, 9), min_size=1))
def test_every_completion_is_given_once(seats: int, votes: dict[str, int]) -> None:
    assert sum(completions.webster(seats, votes, tie_break="u").values()) == seats


@given(st.integers(0, 60), st.dictionaries(st.sampled_from(["m1", "m2", "m3", "m4"]), st.integers(1, 9), min_size=2))
def test_more_votes_never_get_less(seats: int, votes: dict[str, int]) -> None:
    shares = completions.webster(seats, votes, tie_break="u")

    assert all(shares[a] >= shares[b] for a in votes for b in votes if votes[a] > votes[b])
