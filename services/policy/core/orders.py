"""Orders: when policy said something, comparable across take-overs, restarts and restored streams."""

from libs.common.messages import Order


class Orders:
    """Hands out orders of one epoch, each higher than the last.

    The epoch is taken at a take-over, above the highest that the Lease, the streams and the agents know.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._seq = 0

    def begin(self, epoch: int) -> None:
        """From now on orders are of this epoch."""
        self.epoch, self._seq = epoch, 0

    def next(self) -> Order:
        self._seq += 1
        return Order(epoch=self.epoch, seq=self._seq)

    def raise_above(self, seen: Order) -> bool:
        """Takes a new epoch if somebody has seen a higher order than any of ours. Returns whether it did."""
        if seen <= Order(epoch=self.epoch, seq=self._seq):
            return False
        self.epoch, self._seq = seen.epoch + 1, 0
        return True
