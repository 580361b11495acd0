"""argosy-scheduler: decides which clusters get what, and how many replicas of it."""

import asyncio
from functools import partial
from typing import Any, Final

from libs.common import bus, capacity, service, subjects
from libs.common.messages import BindingRequest
from libs.common.service import Health
from services.scheduler.core.options import Options
from services.scheduler.decisions import Decisions
from services.scheduler.mirror import Mirror
from services.scheduler.settings import Settings

CONSUMER: Final = "scheduler"
"""Shared by all replicas: each request is decided by one of them."""


def _request(_: str) -> type[Any]:
    return BindingRequest


async def serve(settings: Settings, health: Health) -> None:
    """Decides requests until cancelled."""
    for part in ("bus", "clusters"):
        health.ready(part, False)
    async with (
        bus.connect(
            settings.nats_url,
            name="argosy-scheduler",
            prefix=settings.subject_prefix,
            credentials=settings.nats_credentials,
            on_state=partial(health.ready, "bus"),
        ) as connection,
        capacity.connect(settings.redis_url, prefix=settings.subject_prefix) as table,
        asyncio.TaskGroup() as tasks,
    ):
        await connection.ensure_streams()
        mirror = Mirror(table, partial(health.ready, "clusters"))
        tasks.create_task(mirror.follow(), name="mirror")
        options = Options(
            plugins=settings.plugins, enable_empty_workload_propagation=settings.enable_empty_workload_propagation
        )
        decide = Decisions(connection, mirror, options, settings.mirror_wait)
        requests = connection.subjects.all("binding", "request")
        await connection.work_queue(
            subjects.BINDINGS, [requests], consumer=CONSUMER, decode=_request, handle=decide, workers=settings.workers
        )


def main() -> None:
    """The console script."""
    service.run("scheduler", Settings, serve)


if __name__ == "__main__":
    main()
