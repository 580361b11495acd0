"""Whether removals are stopped, by what watches, agents and the hub itself say."""

import pytest

from libs.common.errors import Retry
from libs.common.names import OriginKey
from services.policy.rollback import Rollback

KEY = OriginKey("default", "a-configmap")


class Hub:
    """A hub at one version, whose watches show another."""

    def __init__(self, *, shown: int, now: int) -> None:
        self.shown = shown
        self.now = now
        self.asked = 0
        self.rollback = Rollback(lambda: self.shown, lambda: self.shown, self._live)

    async def _live(self) -> int:
        self.asked += 1
        return self.now


async def test_a_hub_that_has_counted_on_lets_removals_pass() -> None:
    hub = Hub(shown=110, now=115)
    await hub.rollback.check("removal", KEY)
    assert not hub.rollback.stopped


async def test_a_hub_below_what_its_own_watches_have_shown_stops_them_before_those_hear_of_it() -> None:
    hub = Hub(shown=110, now=105)
    with pytest.raises(Retry):
        await hub.rollback.check("removal", KEY)


async def test_many_removals_ask_the_hub_once() -> None:
    hub = Hub(shown=110, now=115)
    for _ in range(100):
        await hub.rollback.check("removal", KEY)
    assert hub.asked == 1


async def test_a_watch_that_met_another_history_stops_removals_at_whatever_version_the_hub_is() -> None:
    hub = Hub(shown=130, now=130)
    hub.rollback.went_back(110, hub.now)
    with pytest.raises(Retry):
        await hub.rollback.check("removal", KEY)
