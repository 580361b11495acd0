"""Hosted mode: the process is the agent of each Cluster that the hub lists, as long as the hub lists it."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from libs.common import bus
from libs.common.api import crds
from libs.common.bus import Bus
from libs.common.kube import credentials, resources
from libs.common.kube.client import Client
from libs.common.kube.resources import CLUSTERS, CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, SECRETS, ObjectKey
from libs.common.messages import Beat, CapacityReport
from libs.common.subjects import STATUS
from libs.sandbox import fleet
from libs.sandbox.fleet import Fleet
from services.agent.hosted import Hosted
from services.agent.settings import Settings
from tests.stories.agent import scene
from tests.stories.agent.scene import PATIENCE

QUICK = Settings(
    beat_interval=timedelta(milliseconds=200),
    probe_interval=timedelta(milliseconds=200),
    secret_interval=timedelta(milliseconds=300),
)


class Hub:
    """A hub with members, and the beats that are heard."""

    def __init__(self, made: Fleet, api: Client, connection: Bus) -> None:
        self.fleet = made
        self.api = api
        self.bus = connection
        self.beats: dict[str, Beat] = {}
        self.heard = asyncio.Event()

    @asynccontextmanager
    async def member(self, name: str) -> AsyncIterator[Client]:
        creds = credentials.from_kubeconfig(self.fleet.members[name].kubeconfig)
        async with Client(creds, user_agent="story") as client:
            yield client

    async def account(self, member: Client, name: str) -> None:
        """Makes the ClusterRole of an agent's account."""
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name, "labels": {"story": "account"}},
            "rules": [],
        }
        await member.create(resources.CLUSTER_ROLES, role)

    async def let_go(self, name: str) -> None:
        """Takes the finalizers off a Cluster, as policy does when nothing is left of it."""
        await self.api.patch(CLUSTERS, ObjectKey("", name), {"metadata": {"finalizers": None}})

    async def join(self, name: str, *, secret: bool = True, account: str = "", finalizers: Sequence[str] = ()) -> None:
        """Registers a member as the command line does."""
        server = self.fleet.members[name]
        if secret:
            await self.secret(name, server.token, account=account)
        await self.api.create(
            CLUSTERS,
            {
                "apiVersion": "cluster.karmada.io/v1alpha1",
                "kind": "Cluster",
                "metadata": {"name": name, "finalizers": [*finalizers]},
                "spec": {
                    "syncMode": "Push",
                    "apiEndpoint": server.url,
                    "secretRef": {"namespace": "karmada-cluster", "name": name},
                },
            },
        )

    async def secret(self, name: str, token: str, *, account: str = "") -> None:
        """Puts the credentials of a member."""
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": "karmada-cluster",
                "annotations": {"argosy.dev/member-account": account} if account else {},
            },
            "data": {"token": base64.b64encode(token.encode()).decode()},
        }
        await self.api.delete(SECRETS, ObjectKey("karmada-cluster", name))
        await self.api.create(SECRETS, body, namespace="karmada-cluster")

    async def beat(self, name: str, *, reachable: bool = True) -> Beat:
        """Waits for a new beat of a member that says so."""
        self.beats.pop(name, None)
        async with asyncio.timeout(PATIENCE):
            while name not in self.beats or self.beats[name].api_reachable is not reachable:
                self.heard.clear()
                await self.heard.wait()
        return self.beats[name]

    async def silence(self, name: str) -> None:
        """Waits until a member has not beaten for a while."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self.beats.pop(name, None)
                await asyncio.sleep(QUICK.beat_interval.total_seconds() * 4)
                if name not in self.beats:
                    return


@pytest_asyncio.fixture
async def hub(nats_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    prefix = f"hosted-{uuid.uuid4().hex[:8]}"
    async with (
        fleet.fleet(tmp_path, members=2, nodes=1, thread=True) as made,
        bus.connect(nats_url, name="story", prefix=prefix) as connection,
        Client(credentials.from_kubeconfig(made.hub.kubeconfig), user_agent="story") as api,
    ):
        await connection.ensure_streams()
        for name in made.members:
            await connection.create_agent_consumer(name)
        await _install(api)
        found = Hub(made, api, connection)

        def hear(delivery: bus.Delivery[Beat]) -> None:
            found.beats[delivery.message.cluster] = delivery.message
            found.heard.set()

        async with connection.subscribe_core(connection.subjects.all("beat"), Beat, hear), hosting(found):
            yield found


async def _install(api: Client) -> None:
    definition: dict[str, Any] = next(d for d in crds.definitions() if d["spec"]["names"]["kind"] == "Cluster")
    await api.create(CUSTOM_RESOURCE_DEFINITIONS, definition)
    key = ObjectKey("", definition["metadata"]["name"])
    async with asyncio.timeout(PATIENCE):
        while b'"Established"' not in await api.get(CUSTOM_RESOURCE_DEFINITIONS, key):
            await asyncio.sleep(0.02)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "karmada-cluster"}}
    await api.create(NAMESPACES, namespace)


@asynccontextmanager
async def hosting(found: Hub) -> AsyncIterator[None]:
    """Hosted mode for the time of the block."""
    async with asyncio.TaskGroup() as tasks:
        hosted = Hosted(found.api, found.bus, QUICK)
        running = tasks.create_task(hosted.run())
        yield
        running.cancel()


async def test_an_agent_for_each_cluster_that_the_hub_lists(hub: Hub) -> None:
    await hub.join("member1")
    first = await hub.beat("member1")
    await hub.join("member2")
    second = await hub.beat("member2")
    assert first.hub_uid == second.hub_uid
    assert first.cluster_uid != second.cluster_uid


async def test_a_cluster_that_leaves_has_no_agent_any_more(hub: Hub) -> None:
    await hub.join("member1")
    await hub.beat("member1")
    await hub.api.delete(CLUSTERS, ObjectKey("", "member1"))
    await hub.silence("member1")


async def test_the_last_act_of_an_agent_is_to_take_away_what_was_there_for_its_own_sake(hub: Hub) -> None:
    async with hub.member("member1") as member:
        await hub.account(member, "argosy-member1-0a1b2c")
        await hub.join("member1", account="argosy-member1-0a1b2c", finalizers=["tests.dev/hold"])
        await hub.beat("member1")
        async with asyncio.timeout(PATIENCE):
            while not (await member.list(resources.LEASES, namespace="karmada-cluster")).items:
                await asyncio.sleep(0.02)
        await hub.api.delete(CLUSTERS, ObjectKey("", "member1"))
        await hub.beat("member1")
        assert (await member.list(resources.CLUSTER_ROLES, label_selector="story=account")).items

        await hub.let_go("member1")

        async with asyncio.timeout(PATIENCE):
            while (await member.list(resources.CLUSTER_ROLES, label_selector="story=account")).items:
                await asyncio.sleep(0.02)
        assert not (await member.list(resources.LEASES, namespace="karmada-cluster")).items


async def test_a_cluster_that_vanished_without_a_word_loses_no_account(hub: Hub) -> None:
    async with hub.member("member1") as member:
        await hub.account(member, "argosy-member1-0a1b2c")
        await hub.join("member1", account="argosy-member1-0a1b2c")
        await hub.beat("member1")
        await hub.api.delete(CLUSTERS, ObjectKey("", "member1"))
        await hub.silence("member1")
        assert (await member.list(resources.CLUSTER_ROLES, label_selector="story=account")).items


async def test_new_credentials_are_taken_up(hub: Hub) -> None:
    await hub.join("member1")
    await hub.beat("member1")
    await hub.secret("member1", "wrong")
    await hub.beat("member1", reachable=False)
    await hub.secret("member1", hub.fleet.members["member1"].token)
    await hub.beat("member1", reachable=True)


async def test_a_cluster_without_its_secret_is_told_of(hub: Hub) -> None:
    await hub.join("member1", secret=False)
    subject = hub.bus.subjects.capacity("member1")
    async with asyncio.timeout(PATIENCE):
        while (found := await hub.bus.last(STATUS, subject, CapacityReport)) is None:
            await asyncio.sleep(0.02)
    report = found.message
    assert (report.ready, report.ready_reason) == ("False", "StatusCollectionFailed")
    assert report.ready_message == 'failed to create a ClusterClient: secrets "member1" not found'
    await hub.secret("member1", hub.fleet.members["member1"].token)
    await hub.beat("member1")


async def test_a_member_that_hangs_slows_nobody(hub: Hub) -> None:
    for name in ("member1", "member2"):
        await hub.join(name)
        await hub.beat(name)
    await hub.fleet.members["member1"].hang()
    me = await hub.beat("member2")
    identity = scene.Identity(hub_uid=me.hub_uid, cluster="member2", cluster_uid=me.cluster_uid)
    server = hub.fleet.members["member2"]
    async with Client(credentials.from_kubeconfig(server.kubeconfig), user_agent="story") as member:
        for number in range(20):
            work = scene.work_for(scene.config_map(f"c{number}"), identity, scene.Order(epoch=1, seq=number + 1))
            await hub.bus.publish(hub.bus.subjects.work("member2", scene.key_of(work)), work)
        async with asyncio.timeout(2):
            while len((await member.list(resources.CONFIG_MAPS, namespace="default")).items) < 20:
                await asyncio.sleep(0.02)
