"""Notices when the hub was put back to an earlier copy, and then stops removals until a user has looked.

Somebody always remembers: works and agents name the hub's resourceVersions. If one of them is higher than anything the
hub knows itself, objects may be missing that users never deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from libs.common.errors import Retry
from libs.common.kube.errors import KubeError
from libs.common.names import OriginKey
from services.policy import metrics

log = structlog.get_logger(__name__)

_ASK_AGAIN: Final = timedelta(seconds=10)


class Rollback:
    """Whether removals are stopped.

    Args:
        hub_version: the highest resourceVersion that any watch on the hub has shown.
        accepted: up to which resourceVersion a user accepts that the hub was put back.
    """

    def __init__(self, hub_version: Callable[[], int], accepted: Callable[[], int]) -> None:
        self._hub_version = hub_version
        self._accepted = accepted
        self._suspected = 0
        self._source = ""
        self._asked = asyncio.Event()
        self._seen = 0
        self._reported = 0

    @property
    def stopped(self) -> bool:
        return self._seen > self._accepted()

    def judge(self, *, known: int, hub: int, source: str) -> None:
        """Compares what somebody remembers of the hub with what it knows itself; both are resourceVersions."""
        if known <= hub or known <= self._seen:
            return
        self._seen = known
        self._show(source, hub)

    def suspect(self, *, known: int, source: str) -> None:
        """Somebody remembers this resourceVersion; if no watch has shown one as high, the hub is asked."""
        if known > max(self._hub_version(), self._seen, self._suspected):
            self._suspected, self._source = known, source
            self._asked.set()

    async def run(self, live: Callable[[], Awaitable[int]]) -> None:
        """Asks the hub about what is suspected, until cancelled. `live` reads its resourceVersion now."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                self.judge(known=self._suspected, hub=await live(), source=self._source)
                self._suspected = 0
            except KubeError as error:
                log.debug("the hub does not tell its version", error=str(error))
                await asyncio.sleep(1)
                self._asked.set()

    def check(self, what: str, key: OriginKey) -> None:
        """Raises Retry if removals are stopped."""
        metrics.REMOVALS_STOPPED.set(self.stopped)
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
