"""argosy-status-aggregator: statuses of members and clusters, from the bus to the hub and to Redis. Wiring only."""

import asyncio
from functools import partial

from libs.common import bus, capacity, service
from libs.common.bus import Bus
from libs.common.capacity import ClusterTable
from libs.common.kube import client, credentials, holder, lease
from libs.common.kube.client import Client
from libs.common.kube.events import Recorder
from libs.common.kube.identity import cluster_uid
from libs.common.kube.lease import Term
from libs.common.kube.resources import ObjectKey
from libs.common.service import Health
from services.status_aggregator import hub, intake
from services.status_aggregator.clusters import Clusters
from services.status_aggregator.notices import Notices
from services.status_aggregator.reports import Reports
from services.status_aggregator.settings import Settings
from services.status_aggregator.statuses import Statuses
from services.status_aggregator.table import Table
from services.status_aggregator.templates import Templates


async def serve(settings: Settings, health: Health) -> None:
    """Leads or stands by, until cancelled."""
    health.ready("bus", False)
    async with (
        client.Client(credentials.of_hub(settings.hub_kubeconfig), user_agent=hub.MANAGER) as api,
        bus.connect(
            settings.nats_url,
            name=hub.MANAGER,
            prefix=settings.subject_prefix,
            credentials=settings.nats_credentials,
            on_state=partial(health.ready, "bus"),
        ) as nats,
        capacity.connect(settings.redis_url, prefix=settings.subject_prefix) as redis,
    ):
        await nats.ensure_streams()
        key = ObjectKey(settings.lease_namespace, hub.MANAGER)
        await lease.lead(
            api, key, settings.identity or holder.identity(), partial(_lead, settings, health, api, nats, redis)
        )


async def _lead(settings: Settings, health: Health, api: Client, nats: Bus, redis: ClusterTable, term: Term) -> None:
    uid, caught_up = await cluster_uid(api), asyncio.Event()
    recorder, told, seen = Recorder(api, hub.MANAGER), Notices(nats), hub.Hub(api)
    reports, table = Reports(recorder), Table(seen, redis, hub_uid=uid)
    clusters = Clusters(
        seen, table, recorder, told, settings, subjects=nats.subjects, hub_uid=uid, is_live=caught_up.is_set
    )
    statuses = Statuses(
        seen, Templates(seen, reports), reports, subjects=nats.subjects, hub_uid=uid, caught_up=caught_up
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(seen.run(), name="hub")
        tasks.create_task(recorder.run(), name="events")
        tasks.create_task(told.run(), name="notices")
        health.ready("hub", False)
        await seen.synced()
        health.ready("hub", True)
        health.ready("statuses", False)
        tasks.create_task(intake.follow(nats, statuses, clusters, caught_up), name="intake")
        tasks.create_task(intake.hear(nats, clusters), name="beats")
        tasks.create_task(intake.monitor(nats, clusters.judge, settings.cluster_monitor_period), name="monitor")
        tasks.create_task(statuses.run(), name="statuses")
        tasks.create_task(clusters.run(), name="clusters")
        tasks.create_task(table.run(), name="table")
        await caught_up.wait()
        health.ready("statuses", True)


def main() -> None:
    service.run("status-aggregator", Settings, serve)


if __name__ == "__main__":
    main()
