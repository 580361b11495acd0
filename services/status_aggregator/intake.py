"""What is read from the bus, and the proof that the bus is good."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from libs.common import bus, subjects
from libs.common.bus import Bus, Delivery
from libs.common.messages import Beat, CapacityReport, Outcome, WorkStatus
from services.status_aggregator import clock
from services.status_aggregator.clusters import Clusters
from services.status_aggregator.statuses import Statuses

log = structlog.get_logger(__name__)

_LATE: Final = 3
"""Periods after which a look at the bus comes too late: at most two of them are its own."""
_TYPES: Final[dict[str, type[Any]]] = {"status": WorkStatus, "outcome": Outcome, "capacity": CapacityReport}


async def follow(nats: Bus, statuses: Statuses, clusters: Clusters, caught_up: asyncio.Event) -> None:
    """Reads statuses, outcomes and capacity reports for ever, from the first one on."""
    kind = nats.subjects.kind
    takers: dict[str, Callable[[Delivery[Any]], None]] = {
        "status": statuses.on_status,
        "outcome": statuses.on_outcome,
        "capacity": clusters.on_report,
    }
    await nats.follow(
        subjects.STATUS,
        [nats.subjects.all(name) for name in _TYPES],
        consumer="status-aggregator",
        decode=lambda subject: _TYPES.get(kind(subject)),
        on_message=lambda delivery: takers[kind(delivery.subject)](delivery),
        on_replay=statuses.on_replay,
        caught_up=caught_up,
    )


async def hear(nats: Bus, clusters: Clusters) -> None:
    """Listens for heartbeats for ever."""
    async with nats.subscribe_core(nats.subjects.all("beat"), Beat, clusters.on_beat):
        await asyncio.get_running_loop().create_future()


async def monitor(nats: Bus, judge: Callable[[datetime | None], None], period: timedelta) -> None:
    """Tries the bus every `period`, for ever, and has clusters judged.

    Args:
        judge: gets the moment since which the bus is proven good without a gap; None while it is not. Time in which
            this process itself stood still proves nothing.
    """
    good_since: datetime | None = clock.moment()
    while True:
        began = clock.moment()
        try:
            await nats.round_trip(timeout=period)
            good_since = good_since or clock.moment()
        except bus.BusError as error:
            log.debug("no round trip", error=str(error))
            good_since = None
        judge(good_since)
        await asyncio.sleep(period.total_seconds())
        if clock.moment() - began > _LATE * period:
            good_since = None
