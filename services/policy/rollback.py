"""Notices when the hub was put back to an earlier copy, and then stops removals until a user has looked.

Somebody always remembers: works, agents and our own watches know the hub's resourceVersions. If one of them is higher
than anything the hub knows itself, objects may be missing that users never deleted. What was noticed is noted on
policy's Lease, for the hub counts on, and a later leader could not tell any more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from libs.common.api import wellknown
from libs.common.errors import Retry
from libs.common.kube.errors import KubeError
from libs.common.kube.lease import Term
from libs.common.kube.resources import version_number
from libs.common.names import OriginKey
from services.policy import metrics

log = structlog.get_logger(__name__)

_ASK_AGAIN: Final = timedelta(seconds=10)
_FRESH: Final = timedelta(seconds=1)
"""How old the hub's own word on its version may be when something is removed."""


class Rollback:
    """Whether removals are stopped.

    Args:
        shown: the highest resourceVersion that the watches on kinds of the hub's own store show now.
        anywhere: the same for all watches: an extension of the hub may count for itself.
        live: reads the hub's resourceVersion now.
    """

    def __init__(
        self, shown: Callable[[], int], anywhere: Callable[[], int], live: Callable[[], Awaitable[int]]
    ) -> None:
        self._shown = shown
        self._anywhere = anywhere
        self._live = live
        self._term: Term | None = None
        self._lost = 0
        self._suspected = 0
        self._source = ""
        self._asked = asyncio.Event()
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")

    @property
    def stopped(self) -> bool:
        return self._lost > self._noted(wellknown.ACCEPT_ROLLBACK_ANNOTATION)

    def begin(self, term: Term) -> None:
        """Goes on from what earlier leaders noticed."""
        self._term = term
        self._lost = max(self._lost, self._noted(wellknown.ROLLED_BACK_ANNOTATION))
        metrics.REMOVALS_STOPPED.set(self.stopped)

    def judge(self, *, known: int, hub: int, source: str) -> None:
        """Compares what somebody remembers of the hub with what it knows itself; both are resourceVersions."""
        if known > hub:
            self.went_back(known, hub, source)

    def went_back(self, known: int, hub: int, source: str = "a watch") -> None:
        """The hub has not any more what it had up to `known`, whatever version it is at now."""
        if known <= self._lost:
            return
        # what other watches have shown is lost too, though they have not been heard yet
        self._lost = known = max(known, self._shown())
        self._asked.set()
        metrics.REMOVALS_STOPPED.set(self.stopped)
        if self.stopped:
            log.error(
                "the hub knows less than was known of it: it looks rolled back, and removals stop until a user accepts "
                "that by the annotation argosy.dev/accept-rollback on policy's Lease",
                source=source,
                known=known,
                hub=hub,
            )

    def suspect(self, *, known: int, source: str) -> None:
        """Somebody remembers this resourceVersion; if no watch has shown one as high, the hub is asked."""
        if known > max(self._anywhere(), self._lost, self._suspected):
            self._suspected, self._source = known, source
            self._asked.set()

    async def run(self) -> None:
        """Asks the hub about what is suspected, and notes what is found, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                if self._suspected:
                    self.judge(known=self._suspected, hub=await self._live(), source=self._source)
                    self._suspected = 0
                await self._note()
            except KubeError as error:
                log.debug("the hub does not tell its version", error=str(error))
                await asyncio.sleep(1)
                self._asked.set()

    async def check(self, what: str, key: OriginKey) -> None:
        """Raises Retry if removals are stopped, KubeError if the hub does not say that it is what it was."""
        if not self.stopped:
            await self._look()
        if self.stopped:
            raise Retry(f"{what} {key}: removals are stopped, for the hub looks rolled back", after=_ASK_AGAIN)
        metrics.REMOVALS_STOPPED.set(0)

    async def _look(self) -> None:
        """A live read may be answered by a hub whose watches have not yet been heard."""
        async with self._looking:
            began = asyncio.get_running_loop().time()
            if began < self._looked_at + _FRESH.total_seconds():
                return
            shown = self._shown()
            self.judge(known=shown, hub=await self._live(), source="a watch")
            self._looked_at = began

    async def _note(self) -> None:
        if self._term is not None and self._lost > self._noted(wellknown.ROLLED_BACK_ANNOTATION):
            await self._term.annotate({wellknown.ROLLED_BACK_ANNOTATION: str(self._lost)})

    def _noted(self, annotation: str) -> int:
        return version_number(self._term.annotations.get(annotation, "")) if self._term is not None else 0
