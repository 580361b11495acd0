"""Beats: the agent lives, and this is what it knows and has applied."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from libs.common.bus import Bus, BusError
from libs.common.messages import Beat
from libs.common.subjects import STATUS, WORKS
from services.agent import metrics
from services.agent.core.identity import Identity
from services.agent.core.table import Table
from services.agent.facts import Facts
from services.agent.receipts import Receipts
from services.agent.statuses import Statuses
from services.agent.streams import Streams
from services.agent.works import Works

log = structlog.get_logger()


class Beats:
    """One agent's. Each beat also looks whether the streams are still those that the agent has written to and read."""

    def __init__(
        self,
        me: Identity,
        connection: Bus,
        streams: Streams,
        receipts: Receipts,
        agent: str,
        table: Table,
        works: Works,
        statuses: Statuses,
        facts: Facts,
        may_speak: Callable[[], bool],
    ) -> None:
        self._me = me
        self._bus = connection
        self._streams = streams
        self._receipts = receipts
        self._agent = agent
        self._table = table
        self._works = works
        self._statuses = statuses
        self._facts = facts
        self._may_speak = may_speak
        self._works_created = ""
        self.now = asyncio.Event()
        """Set when there is reason for a beat before its time."""
        self._status_life = ("", 0)

    async def run(self, interval: timedelta) -> None:
        """Beats for ever; one that cannot be sent is left out."""
        subject = self._bus.subjects.beat(self._me.cluster)
        while True:
            if self._may_speak():
                await self._beat(subject)
            self.now.clear()
            try:
                async with asyncio.timeout(interval.total_seconds()):
                    await self.now.wait()
            except TimeoutError:
                continue

    async def _beat(self, subject: str) -> None:
        try:
            await self._look_at_streams()
        except BusError as error:
            log.debug("streams cannot be looked at", cluster=self._me.cluster, error=str(error))
        try:
            await self._bus.publish_core(subject, self.beat())
        except BusError as error:
            log.debug("beat not sent", cluster=self._me.cluster, error=str(error))
            return
        metrics.PUBLISHED.labels(self._me.cluster, "beat").inc()

    def beat(self) -> Beat:
        """What is true now. While works are still being read the digests are left empty: they would say nothing."""
        read = self._works.caught_up.is_set()
        return Beat(
            hub_uid=self._me.hub_uid,
            cluster=self._me.cluster,
            cluster_uid=self._me.cluster_uid,
            agent=self._agent,
            sent_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            works=len(self._table.known),
            known_digest=self._table.known.text() if read else "",
            applied_digest=self._table.applied.text() if read else "",
            highest_order=self._table.highest,
            stream_created=self._works_created,
            stream_seq=self._works.stream_seq,
            highest_hub_version=self._table.hub_version,
            api_reachable=self._facts.readiness.reachable,
        )

    async def _look_at_streams(self) -> None:
        self._works_created = (await self._streams.info(WORKS)).created
        told = await self._streams.info(STATUS)
        created, seq = self._status_life
        kept = not created or (told.created == created and told.last_seq >= seq)
        if not kept or not await self._receipts.hold():
            log.info("the stream of statuses is not what it was: telling all again", cluster=self._me.cluster)
            self._statuses.tell_all_again()
            self._works.tell_gone_again()
            self._facts.dirty.set()
        self._status_life = (told.created, told.last_seq)
