"""How a rolling update changes sizes: bounds hold at every step, and it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sandbox.controllers import rollout
from libs.sandbox.controllers.rollout import Sized, Strategy

PLANS = st.builds(
    lambda desired, surge, unavailable: Strategy(
        desired=desired, surge=surge, unavailable=min(max(unavailable, int(not surge)), max(desired, 1))
    ),
    st.integers(0, 30),
    st.integers(0, 8),
    st.integers(0, 8),
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"replicas": 10}, (10, 3, 2), id="25% of 10: surge up to 3, unavailable down to 2"),
        pytest.param({"replicas": 1}, (1, 1, 0), id="25% of 1: surge 1, unavailable 0"),
        pytest.param(
            {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            (3, 0, 1),
            id="not both are 0",
        ),
        pytest.param(
            {"replicas": 2, "strategy": {"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 9}}},
            (2, 1, 2),
            id="no more than there are",
        ),
    ],
)
def test_strategy(asked: dict[str, object], expected: tuple[int, int, int]) -> None:
    plan = rollout.strategy(asked)
    assert (plan.desired, plan.surge, plan.unavailable) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param(Sized(name="new", size=0), [Sized(name="old", size=4, available=4)], {"new": 1}, id="surge first"),
        pytest.param(
            Sized(name="new", size=1), [Sized(name="old", size=4, available=4)], {"old": 3}, id="one may be missing"
        ),
        pytest.param(
            Sized(name="new", size=1), [Sized(name="old", size=3, available=3)], {"new": 2}, id="grow into the room"
        ),
        pytest.param(
            Sized(name="new", size=2),
            [Sized(name="old", size=3, available=3)],
            {},
            id="nothing more goes while new pods are not available",
        ),
        pytest.param(
            Sized(name="new", size=1),
            [Sized(name="broken", size=2, created="1"), Sized(name="old", size=2, available=2, created="2")],
            {"broken": 1},
            id="unhealthy pods go first",
        ),
    ],
)
def test_one_step(new: Sized, old: list[Sized], expected: dict[str, int]) -> None:
    assert rollout.roll(Strategy(desired=4, surge=1, unavailable=1), new, old) == expected


@given(PLANS, st.integers(0, 30))
def test_a_rollout_ends_and_stays_within_bounds(plan: Strategy, before: int) -> None:
    before = min(before, plan.maximum)
    new, old = Sized(name="new", size=0), Sized(name="old", size=before, available=before)
    for _ in range(200):
        steps = rollout.roll(plan, new, [old])
        if not steps and new.available == new.size:
            break
        size = steps.get("new", new.size)
        left = steps.get("old", old.size)
        assert size + left <= max(plan.maximum, before)
        if "old" in steps:
            assert left + new.available >= min(before, plan.desired - plan.unavailable)
        old = Sized(name="old", size=left, available=left)
        new = Sized(name="new", size=size, available=min(new.available, size) if steps else size)
    assert (new.size, old.size) == (plan.desired, 0)


@pytest.mark.parametrize(
    ("desired", "sizes", "expected"),
    [
        pytest.param(15, {"a": 5, "b": 5}, {"a": 7, "b": 10}, id="up, the newer takes what rounding leaves"),
        pytest.param(20, {"a": 10}, {"a": 20}, id="one alone takes all"),
        pytest.param(0, {"a": 5, "b": 5}, {"a": 0, "b": 0}, id="to nothing"),
    ],
)
def test_scaling_in_proportion(desired: int, sizes: dict[str, int], expected: dict[str, int]) -> None:
    plan = Strategy(desired=desired, surge=2)
    old = [
        Sized(name=name, size=size, available=size, created=name, desired_before=10, maximum_before=12)
        for name, size in sizes.items()
    ]
    assert rollout.scale(plan, None, old, reported=10) == expected


@given(PLANS, st.lists(st.integers(1, 20), min_size=2, max_size=5))
def test_scaling_fills_the_maximum(plan: Strategy, sizes: list[int]) -> None:
    sets = [Sized(name=str(n), size=size, available=size, created=str(n)) for n, size in enumerate(sizes)]
    steps = rollout.scale(plan, None, sets, reported=sum(sizes))
    total = sum(steps.get(each.name, each.size) for each in sets)
    assert total == (plan.maximum if plan.desired else 0)


def test_recreate_waits_for_old_pods() -> None:
    plan = Strategy(desired=2, rolling=False)
    new, old = Sized(name="new", size=0), Sized(name="old", size=2)
    gone = Sized(name="old", size=0)
    assert rollout.recreate(plan, new, [old], old_pods=2) == {"old": 0}
    assert rollout.recreate(plan, new, [gone], old_pods=1) == {}
    assert rollout.recreate(plan, new, [gone], old_pods=0) == {"new": 2}
