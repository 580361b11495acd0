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

    @property
    def last(self) -> int:
        """Sequence of the last order that was given."""
        return self._seq
