"""Epochs: taken above all that was seen, as soon as the hub lets them be written."""

from collections.abc import Mapping

import pytest

from libs.common.api import wellknown
from libs.common.kube.errors import Conflict
from libs.common.messages import Order
from services.policy.core.orders import Orders
from services.policy.epochs import Epochs


class Lease:
    """A term whose Lease refuses the first `refusals` writes."""

    transitions = 3

    def __init__(self, refusals: int = 0) -> None:
        self.annotations: dict[str, str] = {}
        self._refusals = refusals

    async def annotate(self, annotations: Mapping[str, str]) -> None:
        if self._refusals:
            self._refusals -= 1
            raise Conflict(409, "Conflict", "somebody annotated it meanwhile")
        self.annotations.update(annotations)


async def test_a_lease_that_others_write_to_ends_no_leadership() -> None:
    orders, lease = Orders(0), Lease(refusals=1)
    await Epochs(orders).take(lease, 7)  # type: ignore[arg-type]
    assert orders.epoch == 8
    assert lease.annotations == {wellknown.EPOCH_ANNOTATION: "8"}


@pytest.mark.parametrize(
    ("order", "above"),
    [
        pytest.param(Order(epoch=4, seq=0), True, id="of this epoch, given already"),
        pytest.param(Order(epoch=4, seq=1), False, id="of this epoch, by another leader"),
        pytest.param(Order(epoch=5, seq=0), False, id="of a later epoch"),
    ],
)
def test_which_orders_the_next_ones_are_above(order: Order, above: bool) -> None:
    assert Epochs(Orders(4)).above(order) is above
