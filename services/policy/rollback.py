"""Notices when the hub was put back to an earlier copy, and then stops removals until a user has looked.

Somebody always remembers: works and agents name the hub's resourceVersions. If one of them is higher than anything the
hub knows itself, objects may be missing that users never deleted.
"""

from datetime import timedelta
from typing import Final

import structlog

from libs.common.errors import Retry
from libs.common.names import OriginKey
from services.policy import metrics

log = structlog.get_logger(__name__)

_ASK_AGAIN: Final = timedelta(seconds=10)


class Rollback:
    def __init__(self) -> None:
        self._seen = 0
        self._accepted = 0
        self._reported = 0

    @property
    def stopped(self) -> bool:
        return self._seen > self._accepted

    def judge(self, *, known: int, hub: int, source: str) -> None:
        """Compares what somebody remembers of the hub with what it knows itself; both are resourceVersions."""
        if known <= hub or known <= self._seen:
            return
        self._seen = known
        self._show(source, hub)

    def accept(self, up_to: int) -> None:
        """A user accepts that the hub was put back, for everything up to that resourceVersion."""
        if up_to > self._accepted:
            self._accepted = up_to
            if not self.stopped:
                metrics.REMOVALS_STOPPED.set(0)
                log.info("removals go on: a user accepts that the hub was put back", up_to=up_to)

    def check(self, what: str, key: OriginKey) -> None:
        """Raises Retry if removals are stopped."""
        if self.stopped:
            raise Retry(f"{what}: removals are stopped, for the hub looks rolled back", after=_ASK_AGAIN)

    def _show(self, source: str, hub: int) -> None:
        if self.stopped and self._reported != self._seen:
            self._reported = self._seen
            metrics.REMOVALS_STOPPED.set(1)
            log.error(
                "the hub knows less than was known of it: it looks rolled back, and removals stop until a user accepts "
                "that by the annotation argosy.dev/accept-rollback on policy's Lease",
                source=source,
                known=self._seen,
                hub=hub,
            )
