"""Epochs of orders: each above all that was ever seen, and written into the Lease before it is used."""

import asyncio
from typing import Final

import structlog

from libs.common.api import wellknown
from libs.common.kube.errors import KubeError
from libs.common.kube.lease import Term
from libs.common.messages import Order
from services.policy import metrics
from services.policy.core.orders import Orders

log = structlog.get_logger(__name__)

_LEAP: Final = 1_000_000
"""How far above ours an epoch may be and be believed; one more is taken per take-over, so nobody has seen that many."""


class Epochs:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._highest = 0
        self._higher = asyncio.Event()

    def seen(self, order: Order) -> None:
        """Somebody has seen this order; if it is above ours, a new epoch is taken."""
        if self.above(order) or order.epoch <= self._highest:
            return
        if order.epoch > self._orders.epoch + _LEAP:
            metrics.EPOCHS_REFUSED.inc()
            log.debug("epoch that nobody can have given", epoch=order.epoch, ours=self._orders.epoch)
            return
        self._highest = order.epoch
        self._higher.set()

    def above(self, order: Order) -> bool:
        """Whether all orders that are given from now on are higher."""
        return Order(epoch=self._orders.epoch, seq=self._orders.last) >= order

    async def take(self, term: Term, highest: int) -> None:
        """Takes an epoch above `highest`, what the Lease says, and what was seen; tries until the hub lets it."""
        while True:
            noted = term.annotations.get(wellknown.EPOCH_ANNOTATION, "")
            epoch = 1 + max(int(noted) if noted.isdecimal() else 0, term.transitions, highest, self._highest)
            try:
                await term.annotate({wellknown.EPOCH_ANNOTATION: str(epoch)})
            except KubeError as error:
                log.warning("epoch not taken", error=str(error))
                await asyncio.sleep(1)
                continue
            self._orders.begin(epoch)
            metrics.EPOCH.set(epoch)
            log.info("epoch taken", epoch=epoch)
            return

    async def run(self, term: Term) -> None:
        """Takes a higher epoch whenever somebody has seen one, until cancelled."""
        while True:
            await self._higher.wait()
            self._higher.clear()
            await self.take(term, self._highest)
