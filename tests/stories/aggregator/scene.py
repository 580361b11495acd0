"""A hub with the status-aggregator, and policy and the agents as the test plays them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import nats

from libs.common import bus, capacity
from libs.common.api import crds, wellknown
from libs.common.api.cluster import NodeSummary, ResourceSummary
from libs.common.api.meta import Condition
from libs.common.bus import Bus
from libs.common.capacity import ClusterTable
from libs.common.kube import credentials, errors, resources
from libs.common.kube.client import Client
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Beat, CapacityReport, Order, Origin, Outcome, TemplateRef, WorkStatus
from libs.common.names import OriginKey
from libs.common.service import Health
from libs.sandbox import fleet
from services.status_aggregator import main
from services.status_aggregator.settings import Settings

PATIENCE = 10.0
DEPLOYMENTS = Resource(group="apps", version="v1", kind="Deployment", plural="deployments")
PLURALS = {"Deployment": DEPLOYMENTS, "ConfigMap": resources.CONFIG_MAPS}
SCHEDULED = Condition(
    type="Scheduled", status="True", reason="Success", message="Binding has been scheduled successfully."
)


class Scene:
    """The hub's API, the bus, and what the test said so far."""

    def __init__(
        self, server: fleet.Server, api: Client, connection: Bus, redis: ClusterTable, settings: Settings
    ) -> None:
        self.server = server
        self.api = api
        self.bus = connection
        self.redis = redis
        self.settings = settings
        self.hub_uid = ""
        self.cluster_uids: dict[str, str] = {}
        self._seq = 0

    def order(self) -> Order:
        self._seq += 1
        return Order(epoch=1, seq=self._seq)

    async def lose_the_bus(self) -> None:
        """All streams are gone, and made anew by the next who looks."""
        client = await nats.connect(self.settings.nats_url)
        try:
            context = client.jetstream()
            lost = [
                s.config.name
                for s in await context.streams_info()
                if self.settings.subject_prefix in str(s.config.subjects)
            ]
            for name in lost:
                await context.delete_stream(name or "")
        finally:
            await client.close()
        await self.bus.ensure_streams()

    # ---- objects on the hub ------------------------------------------------------------------------------------------

    async def cluster(self, name: str) -> str:
        """Joins a cluster; answers its uid."""
        body = {
            "apiVersion": wellknown.CLUSTER_API,
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {"syncMode": "Push", "id": f"id-{name}"},
        }
        made = msgspec.json.decode(await self.api.create(resources.CLUSTERS, body))
        self.cluster_uids[name] = made["metadata"]["uid"]
        return self.cluster_uids[name]

    async def template(self, body: dict[str, Any]) -> tuple[TemplateRef, Origin]:
        """Creates a template and its binding, as policy would."""
        resource = PLURALS[body["kind"]]
        made = msgspec.json.decode(await self.api.create(resource, body, namespace="default"))
        name = f"{body['metadata']['name']}-{body['kind']}".lower()
        binding = {
            "apiVersion": wellknown.WORK_API,
            "kind": wellknown.RESOURCE_BINDING,
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "resource": {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": body["metadata"]["name"]}
            },
        }
        bound = msgspec.json.decode(await self.api.create(resources.RESOURCE_BINDINGS, binding, namespace="default"))
        return reference(made), Origin(
            kind=wellknown.RESOURCE_BINDING, namespace="default", name=name, uid=bound["metadata"]["uid"]
        )

    async def get(self, resource: Resource, name: str, namespace: str = "default") -> dict[str, Any]:
        body = await self.api.get(resource, ObjectKey(namespace if resource.namespaced else "", name))
        found: dict[str, Any] = msgspec.json.decode(body)
        return found

    async def binding(self, origin: Origin) -> dict[str, Any]:
        return await self.get(resources.RESOURCE_BINDINGS, origin.name)

    async def see(
        self, resource: Resource, name: str, check: Callable[[dict[str, Any]], Any], what: str
    ) -> dict[str, Any]:
        """Waits until an object of the hub passes `check`."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        found = await self.get(resource, name)
                        if check(found):
                            return found
                    except (errors.NotFound, KeyError, IndexError, StopIteration):
                        found = {}
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE:.0f} s: {what}; {resource.kind} {name} is {found}") from None

    async def told(self, reason: str, count: int = 2) -> list[dict[str, str]]:
        """Waits for that many Kubernetes Events of a reason."""
        async with asyncio.timeout(PATIENCE):
            while True:
                listed = (await self.api.list(resources.EVENTS, namespace="default")).items
                events = [msgspec.json.decode(item) for item in listed]
                found = [
                    {"regarding": e["involvedObject"]["kind"], "type": e["type"], "message": e["message"]}
                    for e in events
                    if e["reason"] == reason
                ]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.02)

    # ---- what policy and agents say ----------------------------------------------------------------------------------

    async def expect(
        self, origin: Origin, template: TemplateRef, expected: dict[str, Order], **changes: Any
    ) -> Outcome:
        """Policy says which works there are."""
        said = Outcome(
            hub_uid=self.hub_uid,
            origin=origin,
            template=template,
            order=self.order(),
            expected=expected,
            clusters={name: self.cluster_uids[name] for name in expected},
            scheduled=SCHEDULED,
            scheduler_observed_generation=1,
        )
        said = msgspec.structs.replace(said, **changes)
        await self.bus.publish(self.bus.subjects.outcome(OriginKey(origin.namespace, origin.name)), said)
        return said

    async def say(
        self, cluster: str, origin: Origin, template: TemplateRef, order: Order, reflected: Any = None, **changes: Any
    ) -> WorkStatus:
        """A member says that it has applied a work."""
        said = WorkStatus(
            hub_uid=self.hub_uid,
            cluster=cluster,
            cluster_uid=self.cluster_uids[cluster],
            origin=origin,
            template=template,
            order=order,
            object_namespace=template.namespace,
            object_name=template.name,
            applied=True,
            health="Healthy",
            status=msgspec.Raw(msgspec.json.encode(reflected)),
        )
        said = msgspec.structs.replace(said, **changes)
        await self.bus.publish(self.bus.subjects.status(cluster, OriginKey(origin.namespace, origin.name)), said)
        return said

    async def report(self, cluster: str, revision: int = 1, **changes: Any) -> None:
        """An agent reports the facts of its member."""
        said = CapacityReport(
            hub_uid=self.hub_uid,
            cluster=cluster,
            cluster_uid=self.cluster_uids[cluster],
            revision=revision,
            agent="life-1",
            ready="True",
            ready_reason="ClusterReady",
            ready_message="cluster is healthy and ready to accept workloads",
            kubernetes_version="v1.36.0",
            api_complete="Complete",
            node_summary=NodeSummary(total_num=1, ready_num=1),
            resource_summary=ResourceSummary(allocatable={"cpu": "16"}, allocated={"cpu": "100m"}),
        )
        await self.bus.publish(self.bus.subjects.capacity(cluster), msgspec.structs.replace(said, **changes))

    async def beat(self, cluster: str) -> None:
        said = Beat(
            hub_uid=self.hub_uid, cluster=cluster, cluster_uid=self.cluster_uids[cluster], agent="life-1", sent_at=""
        )
        await self.bus.publish_core(self.bus.subjects.beat(cluster), said)


def reference(made: dict[str, Any]) -> TemplateRef:
    metadata = made["metadata"]
    return TemplateRef(
        api_version=made["apiVersion"],
        kind=made["kind"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
    )


def condition(obj: dict[str, Any], type_: str) -> dict[str, Any]:
    """A condition of an object; empty if it has none of that type."""
    return next((c for c in obj.get("status", {}).get("conditions", ()) if c["type"] == type_), {})


@asynccontextmanager
async def scene(nats_url: str, redis_url: str, directory: Path) -> AsyncIterator[Scene]:
    """A hub with Argosy's APIs, streams of its own, and no aggregator yet."""
    prefix = f"aggregator-{uuid.uuid4().hex[:8]}"
    async with (
        fleet.fleet(directory, members=0, thread=True) as made,
        bus.connect(nats_url, name="story", prefix=prefix) as connection,
        capacity.connect(redis_url, prefix=prefix) as redis,
        Client(credentials.from_kubeconfig(made.hub.kubeconfig), user_agent="story") as api,
    ):
        for definition in crds.definitions():
            await api.create(resources.CUSTOM_RESOURCE_DEFINITIONS, definition)
        settings = Settings(
            nats_url=nats_url,
            redis_url=redis_url,
            hub_kubeconfig=str(made.hub.kubeconfig),
            subject_prefix=prefix,
            lease_namespace="default",
            cluster_monitor_period=timedelta(milliseconds=50),
            cluster_monitor_grace_period=timedelta(milliseconds=600),
            cluster_startup_grace_period=timedelta(milliseconds=800),
            cluster_failure_threshold=timedelta(milliseconds=300),
            cluster_success_threshold=timedelta(milliseconds=300),
        )
        await connection.ensure_streams()
        story = Scene(made.hub, api, connection, redis, settings)
        story.hub_uid = (await story.get(resources.NAMESPACES, wellknown.KUBE_SYSTEM))["metadata"]["uid"]
        yield story


class Replica:
    """One aggregator: it works, or stands by while another one works."""

    def __init__(self, health: Health, running: asyncio.Task[None]) -> None:
        self._health = health
        self.running = running

    @property
    def works(self) -> bool:
        return "statuses: ok" in self._health.report()

    async def at_work(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.works:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def acting(story: Scene) -> AsyncIterator[None]:
    """The aggregator at work, for the time of the block."""
    async with replica(story) as only:
        await only.at_work()
        yield


@asynccontextmanager
async def replica(story: Scene) -> AsyncIterator[Replica]:
    """An aggregator for the time of the block."""
    health, settings = Health(), msgspec.structs.replace(story.settings, identity=uuid.uuid4().hex)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(main.serve(settings, health), name="aggregator")
        yield Replica(health, running)
        running.cancel()
