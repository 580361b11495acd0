"""How long to wait after the n-th failure in a row."""

from datetime import timedelta

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Grows from `first` by `factor` up to `limit`, then loses up to the share `jitter` of itself.

    The jitter keeps many clients that failed together from coming back together.
    """

    first: timedelta = timedelta(milliseconds=50)
    limit: timedelta = timedelta(seconds=30)
    factor: float = 2.0
    jitter: float = 0.5

    def delay(self, failures: int, chance: float) -> timedelta:
        """The pause after `failures` (1 or more) failures in a row; `chance` is random, in [0, 1)."""
        doublings = min(max(failures, 1) - 1, 64)
        full = min(self.first.total_seconds() * self.factor**doublings, self.limit.total_seconds())
        return timedelta(seconds=full * (1 - self.jitter * chance))
