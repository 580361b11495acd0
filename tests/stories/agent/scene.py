"""A member, an agent of it, and the hub's side as the test plays it: works go in, status and `gone` come out."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from libs.common import bus
from libs.common.api import wellknown
from libs.common.bus import Bus, Delivery
from libs.common.interpreter import registry
from libs.common.kube import credentials, errors
from libs.common.kube.client import Client
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Beat, CapacityReport, Gone, Order, Origin, Removal, TemplateRef, Work, WorkStatus
from libs.common.names import OriginKey
from libs.common.subjects import STATUS
from libs.sandbox import fleet
from services.agent import agent
from services.agent.agent import Membership
from services.agent.core.identity import Identity
from services.agent.settings import Settings
from services.agent.streams import Streams

T = TypeVar("T")
PATIENCE = 10.0

DEPLOYMENTS = Resource(group="apps", version="v1", kind="Deployment", plural="deployments")
CONFIG_MAPS = Resource(version="v1", kind="ConfigMap", plural="configmaps")
NAMESPACES = Resource(version="v1", kind="Namespace", plural="namespaces", namespaced=False)

QUICK = Settings(
    beat_interval=timedelta(milliseconds=200),
    probe_interval=timedelta(milliseconds=200),
    probe_timeout=timedelta(seconds=1),
    call_timeout=timedelta(seconds=2),
)


class Scene:
    """One member and what the hub's side knows of it."""

    NAMESPACES = NAMESPACES

    def __init__(self, connection: Bus, server: fleet.Server, identity: Identity, member: Client) -> None:
        self.bus = connection
        self.server = server
        self.identity = identity
        self.member = member
        self.statuses: dict[OriginKey, WorkStatus] = {}
        self.traces: dict[OriginKey, str] = {}
        self.history: list[WorkStatus] = []
        self.gone: dict[OriginKey, Gone] = {}
        self.reports: list[CapacityReport] = []
        self.beats: list[Beat] = []
        self.patience = PATIENCE
        self._seq = 0
        self._heard = asyncio.Event()

    # ---- orders ------------------------------------------------------------------------------------------------------

    def order(self) -> Order:
        """An order later than all before."""
        self._seq += 1
        return Order(epoch=1, seq=self._seq)

    async def apply(self, manifest: dict[str, Any], **changes: Any) -> Work:
        """Publishes a work for a manifest as policy renders it; `changes` replace fields of the work."""
        work = msgspec.structs.replace(work_for(manifest, self.identity, self.order()), **changes)
        await self.publish(work)
        return work

    async def remove(self, work: Work, **changes: Any) -> Work:
        """Publishes the tombstone of a work."""
        tombstone = msgspec.structs.replace(work, op="delete", order=self.order(), manifest=msgspec.Raw(b"null"))
        tombstone = msgspec.structs.replace(tombstone, **changes)
        await self.publish(tombstone)
        return tombstone

    async def publish(self, work: Work) -> None:
        await self.bus.publish(self.bus.subjects.work(self.identity.cluster, key_of(work)), work)

    # ---- what comes back ---------------------------------------------------------------------------------------------

    def hear(self, delivery: Delivery[Any]) -> None:
        message = delivery.message
        if isinstance(message, CapacityReport):
            self.reports.append(message)
        elif isinstance(message, Beat):
            self.beats.append(message)
        elif isinstance(message, Gone):
            self.gone[key_of(message)] = message
        else:
            self.traces[key_of(message)] = delivery.traceparent
            self.statuses[key_of(message)] = message
            self.history.append(message)
        self._heard.set()

    async def until(self, see: Callable[[], T | None], what: str) -> T:
        """Waits until what was heard shows it."""
        try:
            async with asyncio.timeout(self.patience):
                while not (seen := see()):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"not within {self.patience:.0f} s: {what}; statuses {self.statuses}") from None
        return seen

    async def applied(self, work: Work) -> WorkStatus:
        """The status that says that this work is applied."""
        return await self.until(
            lambda: s if (s := self.status(work)) is not None and s.applied else None,
            f"{work.kind} {work.name} applied",
        )

    async def refused(self, work: Work) -> WorkStatus:
        """The status that says that this work could not be applied."""
        return await self.until(
            lambda: s if (s := self.status(work)) is not None and s.applied is False else None,
            f"{work.kind} {work.name} not applied",
        )

    async def removed(self, tombstone: Work) -> Gone:
        """The message that says that this tombstone is done."""
        return await self.until(
            lambda: g if (g := self.gone.get(key_of(tombstone))) is not None and g.order >= tombstone.order else None,
            f"{tombstone.kind} {tombstone.name} gone",
        )

    def status(self, work: Work) -> WorkStatus | None:
        """What was last said of a work, if it was said of this order of it."""
        found = self.statuses.get(key_of(work))
        return found if found is not None and found.order == work.order else None

    async def wipe(self, stream: str) -> None:
        """Makes a stream anew, as if its server had lost it."""
        await self.bus._session.js.delete_stream(self.bus._stream(stream))
        await self.bus.ensure_streams()
        await self.bus.create_agent_consumer(self.identity.cluster)

    # ---- the member --------------------------------------------------------------------------------------------------

    async def get(self, resource: Resource, name: str, namespace: str = "default") -> dict[str, Any] | None:
        """An object of the member, None if it is not there."""
        try:
            body = await self.member.get(resource, ObjectKey(namespace if resource.namespaced else "", name))
        except errors.NotFound:
            return None
        found: dict[str, Any] = msgspec.json.decode(body)
        return found

    async def make(self, resource: Resource, template: dict[str, Any]) -> None:
        """Makes an object by hand."""
        metadata = {k: v for k, v in template["metadata"].items() if k in ("name", "namespace", "labels")}
        await self.member.create(resource, {**template, "metadata": metadata}, namespace=metadata.get("namespace", ""))

    async def patch(self, resource: Resource, name: str, change: dict[str, Any], namespace: str = "default") -> None:
        """Changes an object by hand."""
        await self.member.patch(resource, ObjectKey(namespace if resource.namespaced else "", name), change)

    def removal(self, work: Work) -> Removal:
        """The order to take away what a work stood for."""
        return removal(work)

    async def see(self, resource: Resource, name: str, namespace: str, check: Callable[[Any], Any]) -> dict[str, Any]:
        """Waits until the member's object (None if there is none) passes `check`, and returns it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = await self.get(resource, name, namespace)
                    if check(found):
                        return found or {}
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{resource.kind} {name} is {found}") from None


def config_map(name: str, *, namespace: str = "default", uid: str = "", **data: str) -> dict[str, Any]:
    """A ConfigMap template as the hub holds it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "uid": uid or f"uid-{name}", "resourceVersion": "1"},
        "data": data,
    }


def deployment(name: str, replicas: int, *, namespace: str = "default") -> dict[str, Any]:
    """A Deployment template."""
    labels = {"app": name}
    container = {"name": "main", "image": "nginx", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def namespace(name: str) -> dict[str, Any]:
    """A Namespace template."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": f"uid-{name}"}}


def definition(kind: str, plural: str) -> dict[str, Any]:
    """A CustomResourceDefinition template for a kind of example.com/v1 that takes any spec."""
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com", "uid": f"uid-{plural}"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": free, "status": free}}},
                }
            ],
        },
    }


def work_for(template: dict[str, Any], me: Identity, order: Order) -> Work:
    """The work that policy publishes for a template."""
    metadata = template["metadata"]
    namespace = metadata.get("namespace", "")
    manifest = registry.prune(template)
    labels = {**metadata.get("labels", {}), wellknown.MANAGED_LABEL: "true"}
    notes = {**metadata.get("annotations", {}), wellknown.TEMPLATE_UID_ANNOTATION: metadata["uid"]}
    if metadata.get("generation"):
        notes[wellknown.TEMPLATE_GENERATION_ANNOTATION] = str(metadata["generation"])
    keys = {*notes, wellknown.MANAGED_ANNOTATIONS_ANNOTATION, wellknown.MANAGED_LABELS_ANNOTATION}
    notes[wellknown.MANAGED_ANNOTATIONS_ANNOTATION] = ",".join(sorted(keys))
    notes[wellknown.MANAGED_LABELS_ANNOTATION] = ",".join(sorted(labels))
    manifest["metadata"] = {**manifest["metadata"], "labels": labels, "annotations": notes}
    body = msgspec.json.encode(manifest, order="deterministic")
    name = f"{metadata['name']}-{template['kind']}".lower()
    return Work(
        op="apply",
        hub_uid=me.hub_uid,
        cluster=me.cluster,
        cluster_uid=me.cluster_uid,
        origin=Origin(
            kind="ResourceBinding" if namespace else "ClusterResourceBinding",
            namespace=namespace,
            name=name,
            uid=f"binding-{name}",
        ),
        template=TemplateRef(
            api_version=template["apiVersion"],
            kind=template["kind"],
            namespace=namespace,
            name=metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata.get("resourceVersion", ""),
        ),
        order=order,
        digest=uuid.uuid5(uuid.NAMESPACE_OID, body.decode()).hex,
        api_version=template["apiVersion"],
        kind=template["kind"],
        namespace=namespace,
        name=metadata["name"],
        manifest=msgspec.Raw(body),
    )


def removal(work: Work) -> Removal:
    """The order to take away what a work stood for."""
    return Removal(
        api_version=work.api_version,
        kind=work.kind,
        namespace=work.namespace,
        name=work.name,
        template_uid=work.template.uid,
    )


def key_of(message: Any) -> OriginKey:
    return OriginKey(message.origin.namespace, message.origin.name)


@asynccontextmanager
async def scene(nats_url: str, directory: Path, *, nodes: int = 1) -> AsyncIterator[Scene]:
    """A member with streams of its own, and nobody yet who acts for it."""
    prefix = f"agent-{uuid.uuid4().hex[:8]}"
    async with (
        fleet.fleet(directory, members=1, nodes=nodes, thread=True) as made,
        bus.connect(nats_url, name="story", prefix=prefix) as connection,
    ):
        server = made.members["member1"]
        await connection.ensure_streams()
        await connection.create_agent_consumer(server.name)
        identity = Identity(hub_uid="hub-uid", cluster=server.name, cluster_uid="cluster-uid")
        async with (
            Client(credentials.from_kubeconfig(server.kubeconfig), user_agent="story") as member,
            asyncio.TaskGroup() as tasks,
        ):
            made_scene = Scene(connection, server, identity, member)
            hearing = tasks.create_task(_hear(connection, made_scene))
            async with connection.subscribe_core(connection.subjects.all("beat"), Beat, made_scene.hear):
                yield made_scene
            hearing.cancel()


async def _hear(connection: Bus, made: Scene) -> None:
    types = {"status": WorkStatus, "gone": Gone, "capacity": CapacityReport}
    await connection.follow(
        STATUS,
        [connection.subjects.all(kind) for kind in types],
        consumer="story",
        decode=lambda subject: types[connection.subjects.kind(subject)],
        on_message=made.hear,
        on_replay=lambda: None,
        caught_up=asyncio.Event(),
    )


@asynccontextmanager
async def acting(made: Scene, settings: Settings = QUICK, *, host: str = "") -> AsyncIterator[None]:
    """An agent for the time of the block; `host` is where its Lease says that it runs."""
    settings = msgspec.structs.replace(settings, host=host)
    membership = Membership(identity=made.identity, credentials=credentials.from_kubeconfig(made.server.kubeconfig))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(agent.run(made.bus, Streams(made.bus), membership, settings))
        yield
        running.cancel()
