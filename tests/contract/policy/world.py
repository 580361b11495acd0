"""Policy alone, between a real hub and a real bus: what it is asked and told there by others is said by the test."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import nats

from libs.cli import install
from libs.common import bus, subjects
from libs.common.bus import streams
from libs.common.kube import credentials, discovery
from libs.common.kube.client import Client
from libs.common.kube.identity import cluster_uid
from libs.common.kube.resources import CLUSTERS, ObjectKey
from libs.common.messages import (
    BindingRequest,
    Gone,
    Inventory,
    InventoryItem,
    InventoryRequest,
    Order,
    Outcome,
    Placed,
    PlacedCluster,
    Removal,
    Work,
)
from libs.common.names import OriginKey
from libs.common.service import Health
from libs.common.settings import load
from services.policy import main
from services.policy.settings import Settings
from tests.contract.policy.hub import Hub, until


class World:
    """A hub with policy beside it, and the other services' seats on the bus."""

    def __init__(self, hub: Hub, on_bus: bus.Bus, hub_uid: str, nats_url: str) -> None:
        self.nats_url = nats_url
        self.hub_uid = hub_uid
        self.hub = hub
        self.nats = on_bus
        self.works: dict[tuple[str, OriginKey], Work] = {}
        self.history: list[Work] = []
        self.read: dict[str, int] = {}
        self.requests: dict[OriginKey, list[BindingRequest]] = {}
        self.outcomes: dict[OriginKey, Outcome] = {}
        self.place: Callable[[BindingRequest], Iterable[tuple[str, int]] | str | None] = self.everywhere
        self.agents_answer = True
        self.table_stands_at: str | None = None
        """The revision up to which the scheduler knows the clusters; None: all that it is asked about."""
        self.uids: dict[str, str] = {}

    async def join(self, *clusters: str) -> None:
        for name in clusters:
            body = {
                "apiVersion": "cluster.karmada.io/v1alpha1",
                "kind": "Cluster",
                "metadata": {"name": name},
                "spec": {"syncMode": "Pull", "apiEndpoint": f"https://{name}"},
            }
            (made,) = await self.hub.apply(body)
            self.uids[name] = made["metadata"]["uid"]
            status = {"status": {"conditions": [_ready()]}}
            await self.hub.api.patch(CLUSTERS, ObjectKey("", name), status, subresource="status", manager="test")

    def everywhere(self, request: BindingRequest) -> Iterable[tuple[str, int]]:
        return [(name, request.replicas) for name in sorted(self.uids)]

    def work(self, cluster: str, key: OriginKey) -> Work | None:
        return self.works.get((cluster, key))

    async def report_gone(self, work: Work) -> None:
        """Says for an agent that what a tombstone names is gone."""
        key = OriginKey(work.origin.namespace, work.origin.name)
        await self.nats.publish(self.nats.subjects.gone(work.cluster, key), _gone(work, [_itself(work)]))

    async def wipe(self, stream: str) -> None:
        """Deletes a stream with all that it holds, as a lost disk does, and lets it be made anew."""
        client = await nats.connect(self.nats_url)
        try:
            await client.jetstream().delete_stream(streams.stream_name(self.nats.subjects.prefix, stream))
        finally:
            await client.close()
        await self.nats.ensure_streams()

    async def seat_of_scheduler(self) -> None:
        """Answers requests as the test wants."""

        async def handle(delivery: bus.Delivery[BindingRequest]) -> None:
            request = delivery.message
            key = OriginKey(request.namespace, request.name)
            self.requests.setdefault(key, []).append(request)
            placed = self.answer(request)
            if placed is not None:
                subject = self.nats.subjects.binding_placed(key)
                await self.nats.publish(subject, placed, traceparent=delivery.traceparent)

        await self.nats.work_queue(
            subjects.BINDINGS,
            [self.nats.subjects.all("binding", "request")],
            consumer="scheduler",
            decode=lambda subject: BindingRequest,
            handle=handle,
        )

    def answer(self, request: BindingRequest) -> Placed | None:
        chosen = self.place(request)
        if chosen is None:
            return None
        failed = isinstance(chosen, str)
        return Placed(
            hub_uid=request.hub_uid,
            namespace=request.namespace,
            name=request.name,
            template_uid=request.template.uid,
            order=request.order,
            digest=request.digest,
            cluster_revision=request.cluster_revision if self.table_stands_at is None else self.table_stands_at,
            clusters=[]
            if isinstance(chosen, str)
            else [PlacedCluster(name=n, uid=self.uids[n], replicas=r) for n, r in chosen],
            failure="NoClusterFit" if failed else None,
            message=chosen if isinstance(chosen, str) else "",
        )

    async def seat_of_agents(self) -> None:
        """Remembers works, and reports gone what is to go."""
        dirty: asyncio.Queue[tuple[str, OriginKey, Work]] = asyncio.Queue()

        def take(delivery: bus.Delivery[Work]) -> None:
            cluster, key = self.nats.subjects.state(delivery.subject)
            work = delivery.message
            self.read[cluster] = delivery.seq
            if work.order > (self.works[cluster, key].order if (cluster, key) in self.works else Order()):
                self.works[cluster, key] = work
                self.history.append(work)
                dirty.put_nowait((cluster, key, work))

        async def report() -> None:
            while True:
                cluster, key, work = await dirty.get()
                removed = list(work.removes)
                if work.op == "delete":
                    removed.append(_itself(work))
                    del self.works[cluster, key]
                if self.agents_answer and (removed or work.op == "delete"):
                    await self.nats.publish(self.nats.subjects.gone(cluster, key), _gone(work, removed))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(report())
            tasks.create_task(
                self.nats.follow(
                    subjects.WORKS,
                    [self.nats.subjects.all("work")],
                    consumer="test-works",
                    decode=lambda subject: Work,
                    on_message=take,
                    on_replay=lambda: None,
                    caught_up=asyncio.Event(),
                )
            )

    async def seat_of_aggregator(self) -> None:
        def take(delivery: bus.Delivery[Outcome]) -> None:
            self.outcomes[self.nats.subjects.origin(delivery.subject)] = delivery.message

        await self.nats.follow(
            subjects.STATUS,
            [self.nats.subjects.all("outcome")],
            consumer="test-outcomes",
            decode=lambda subject: Outcome,
            on_message=take,
            on_replay=lambda: None,
            caught_up=asyncio.Event(),
        )


def start(kubeconfig: Path, nats_url: str, prefix: str, **environ: str) -> tuple[Settings, Health]:
    """What policy is started with."""
    return load(Settings, environ_of(kubeconfig, nats_url, prefix) | environ), Health()


def environ_of(kubeconfig: Path, nats_url: str, prefix: str) -> dict[str, str]:
    """Its environment."""
    where = {"NATS_URL": nats_url, "HUB_KUBECONFIG": str(kubeconfig), "SUBJECT_PREFIX": prefix}
    return {f"ARGOSY_{name}": value for name, value in where.items()}


@asynccontextmanager
async def policy(kubeconfig: Path, nats_url: str, prefix: str, **environ: str) -> AsyncIterator[Health]:
    """Policy, for the time of the block."""
    settings, health = start(kubeconfig, nats_url, prefix, **environ)
    task = asyncio.get_running_loop().create_task(main.serve(settings, health))
    try:
        await until(lambda: (health.is_ready and bool(health.report().count("leader"))) or task.done(), limit=20)
        if task.done():
            task.result()
        yield health
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def world(kubeconfig: Path, nats_url: str, prefix: str) -> AsyncIterator[World]:
    """A hub with Argosy's kinds, and seats on the bus, for the time of the block. Policy is not started."""
    access = credentials.from_kubeconfig(kubeconfig)
    await install.crds(access, lambda text: None)
    async with (
        Client(access, user_agent="test") as api,
        bus.connect(nats_url, name="test", prefix=prefix) as on_bus,
    ):
        await on_bus.ensure_streams()
        kinds = {(r.group, r.kind): r for r in discovery.preferred(await discovery.served(api))}
        made = World(Hub(api, kinds), on_bus, await cluster_uid(api), nats_url)
        seats = [made.seat_of_scheduler(), made.seat_of_agents(), made.seat_of_aggregator()]
        tasks = [asyncio.get_running_loop().create_task(seat) for seat in seats]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def _itself(work: Work) -> Removal:
    return Removal(
        api_version=work.api_version,
        kind=work.kind,
        namespace=work.namespace,
        name=work.name,
        template_uid=work.template.uid,
    )


def _gone(work: Work, removed: list[Removal]) -> Gone:
    return Gone(
        hub_uid=work.hub_uid,
        cluster=work.cluster,
        cluster_uid=work.cluster_uid,
        origin=work.origin,
        order=work.order,
        removed=removed,
        preserved=work.preserve_on_deletion,
    )


def _ready() -> dict[str, str]:
    return {
        "type": "Ready",
        "status": "True",
        "reason": "ClusterReady",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


async def held(world: World, stream: str) -> list[str]:
    """Subjects on which a stream holds something."""
    found: list[str] = []
    info = await world.nats.stream_info(stream)
    caught_up = asyncio.Event()
    reader = asyncio.get_running_loop().create_task(
        world.nats.follow(
            stream,
            [world.nats.subjects.all()],
            consumer=f"test-held-{next(_readers)}",
            decode=lambda subject: Anything,
            on_message=lambda delivery: found.append(delivery.subject),
            on_replay=found.clear,
            caught_up=caught_up,
        )
    )
    try:
        if info.messages:
            await caught_up.wait()
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
    return found


_readers = itertools.count()


@asynccontextmanager
async def serving(
    world: World, cluster: str, items: list[InventoryItem], asked: list[InventoryRequest] | None = None
) -> AsyncIterator[None]:
    """An agent that answers for its inventory, for the time of the block."""

    async def answer(delivery: bus.Delivery[InventoryRequest]) -> Inventory:
        if asked is not None:
            asked.append(delivery.message)
        return Inventory(hub_uid=world.hub_uid, cluster=cluster, cluster_uid=world.uids[cluster], items=items)

    serve = world.nats.serve(world.nats.subjects.call(cluster, "inventory"), InventoryRequest, answer)
    task = asyncio.get_running_loop().create_task(serve)
    await world.nats.round_trip()
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Anything(msgspec.Struct):
    """A message of any kind."""
