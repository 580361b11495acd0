"""The window of questions: nobody who does not ask keeps a slot."""

from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common.names import OriginKey
from services.policy.core.window import Window

SIZE = 3
KEYS = [OriginKey("default", f"b{number}") for number in range(9)]
keys = st.sampled_from(KEYS)


class Looks(RuleBasedStateMachine):
    """Looks that ask or do not, answers, and bindings that go, in any sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[OriginKey] = []
        self.window = Window(SIZE, lambda key, priority: self.woken.append(key))
        self.asking: set[OriginKey] = set()

    @rule(key=keys, priority=st.integers(-2, 2), hurry=st.booleans())
    def ask(self, key: OriginKey, priority: int, hurry: bool) -> None:
        if self.window.take(key, priority, hurry=hurry):
            self.asking.add(key)

    @rule(key=keys)
    def need_nothing(self, key: OriginKey) -> None:
        self.window.leave(key)
        self.asking.discard(key)

    @invariant()
    def slots_are_bounded(self) -> None:
        assert self.window.taken == len(self.asking) <= SIZE

    def teardown(self) -> None:
        """When all are answered, and whoever is woken needs nothing any more, all slots are free again."""
        for key in list(self.asking):
            self.window.leave(key)
        while self.woken:
            self.window.leave(self.woken.pop())
        assert self.window.waiting == self.window.taken == 0
        assert all(self.window.take(OriginKey("new", f"n{number}"), 0, hurry=True) for number in range(SIZE))


TestLooks: Any = Looks.TestCase


def told(window: Window, key: OriginKey, *, priority: int = 0, hurry: bool = False) -> bool:
    return window.take(key, priority, hurry=hurry)


def test_those_of_higher_priority_and_in_a_hurry_go_first() -> None:
    woken: list[OriginKey] = []
    window = Window(2, lambda key, priority: woken.append(key))
    first, *others = KEYS[:5]
    assert told(window, first)
    assert [told(window, key, priority=p) for key, p in zip(others, (0, 2, 1, 0), strict=True)] == [False] * 4
    for expected in (others[1], others[2], others[0], others[3]):
        window.leave(first if not woken else woken[-1])
        assert woken[-1] == expected
        assert told(window, expected)


def test_what_is_in_no_hurry_leaves_half_of_the_window_free() -> None:
    window = Window(4, lambda key, priority: None)
    assert [told(window, key) for key in KEYS[:3]] == [True, True, False]
    assert [told(window, key, hurry=True) for key in KEYS[3:6]] == [True, True, False]
