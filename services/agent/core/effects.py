"""Up to which order the member's figures include what works have caused."""

from collections.abc import Iterable
from typing import Final

import msgspec

from libs.common.messages import Order
from libs.common.names import OriginKey

SETTLE: Final = 2.0
"""Seconds from a write until the member's own controllers have made the pods that it asks for."""


class Counted(msgspec.Struct, frozen=True):
    """What the figures include: all works up to `order`, which are all there are if `complete`."""

    order: Order
    complete: bool


class Effects:
    """Which works have not shown their effect yet: those not tried, and those written a moment ago.

    A work that fails has no effect, and so the figures include it. Times are seconds of any one clock.
    """

    def __init__(self) -> None:
        self._untried: dict[OriginKey, Order] = {}
        self._fresh: dict[OriginKey, tuple[Order, float]] = {}

    def taken(self, key: OriginKey, order: Order) -> None:
        """A work has come in."""
        self._untried[key] = order

    def tried(self, key: OriginKey, order: Order, written_at: float | None) -> None:
        """A work was attempted; `written_at` if that changed a workload in the member."""
        if self._untried.get(key) == order:
            del self._untried[key]
        if written_at is not None:
            self._fresh[key] = (order, written_at)

    def forget(self) -> None:
        """Before a replay."""
        self._untried.clear()
        self._fresh.clear()

    def counted(self, known: Iterable[Order], now: float) -> Counted:
        """The highest of the known orders below which nothing is outstanding."""
        self._fresh = {k: (order, at) for k, (order, at) in self._fresh.items() if now - at < SETTLE}
        outstanding = [*self._untried.values(), *(order for order, _ in self._fresh.values())]
        if not outstanding:
            return Counted(max(known, default=Order()), True)
        first = min(outstanding)
        return Counted(max((order for order in known if order < first), default=Order()), False)
