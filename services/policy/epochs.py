"""Epochs of orders: each above all that was ever seen, and written into the Lease before it is used."""

import asyncio

import structlog

from libs.common.api import wellknown
from libs.common.kube.errors import KubeError
from libs.common.kube.lease import Term
from libs.common.messages import Order
from services.policy import metrics
from services.policy.core.orders import Orders

log = structlog.get_logger(__name__)


class Epochs:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._highest = 0
        self._higher = asyncio.Event()

    def seen(self, order: Order) -> None:
        """Somebody has seen this order; if it is above ours, a new epoch is taken."""
        if order > Order(epoch=self._orders.epoch, seq=self._orders.last) and order.epoch > self._highest:
            self._highest = order.epoch
            self._higher.set()

    async def take(self, term: Term, highest: int) -> None:
        """Takes an epoch above `highest`, what the Lease says, and what was seen."""
        noted = term.annotations.get(wellknown.EPOCH_ANNOTATION, "")
        epoch = 1 + max(int(noted) if noted.isdecimal() else 0, term.transitions, highest, self._highest)
        await term.annotate({wellknown.EPOCH_ANNOTATION: str(epoch)})
        self._orders.begin(epoch)
        metrics.EPOCH.set(epoch)
        log.info("epoch taken", epoch=epoch)

    async def run(self, term: Term) -> None:
        """Takes a higher epoch whenever somebody has seen one, until cancelled."""
        while True:
            await self._higher.wait()
            self._higher.clear()
            try:
                await self.take(term, self._highest)
            except KubeError as error:
                log.warning("epoch not taken", error=str(error))
                await asyncio.sleep(1)
                self._higher.set()
