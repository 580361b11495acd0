"""argosy-agent: carries out works in members, and tells what became of them."""

import asyncio
from functools import partial

from libs.common import bus, service
from libs.common.errors import Terminal
from libs.common.kube import credentials
from libs.common.kube.client import Client
from libs.common.service import Health
from services.agent import agent
from services.agent.agent import Membership
from services.agent.core.identity import Identity
from services.agent.hosted import Hosted
from services.agent.settings import Settings
from services.agent.streams import Streams


async def serve(settings: Settings, health: Health) -> None:
    """Is the agent of all hosted members, or of the one that the settings name."""
    health.ready("bus", False)
    async with bus.connect(
        settings.nats_url,
        name="argosy-agent",
        prefix=settings.subject_prefix,
        credentials=settings.nats_credentials,
        on_state=partial(health.ready, "bus"),
    ) as connection:
        await (_hosted if settings.mode == "hosted" else _pull)(connection, settings, health)


async def _hosted(connection: bus.Bus, settings: Settings, health: Health) -> None:
    health.ready("clusters", False)
    hub = Client(credentials.of_hub(settings.hub_kubeconfig), user_agent="argosy-agent")
    async with hub, asyncio.TaskGroup() as tasks:
        hosted = Hosted(hub, connection, settings)
        tasks.create_task(hosted.run(), name="hosted agents")
        await hosted.clusters.synced.wait()
        health.ready("clusters", True)


async def _pull(connection: bus.Bus, settings: Settings, health: Health) -> None:
    missing = [name for name in ("cluster_name", "cluster_uid", "hub_uid") if not getattr(settings, name)]
    if missing:
        raise Terminal(f"in pull mode ARGOSY_{missing[0].upper()} must be set")
    membership = Membership(
        identity=Identity(hub_uid=settings.hub_uid, cluster=settings.cluster_name, cluster_uid=settings.cluster_uid),
        credentials=credentials.of_hub(settings.member_kubeconfig),
    )
    await agent.run(connection, Streams(connection), membership, settings)


def main() -> None:
    """The console script."""
    service.run("agent", Settings, serve)


if __name__ == "__main__":
    main()
