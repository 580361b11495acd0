"""A cluster whose controllers run in virtual time: what takes an hour there takes a moment here."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.sandbox import bootstrap, cluster, kinds
from libs.sandbox.controllers import catalog, runner
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event
from tests import virtual_time

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
NAMESPACE = "default"


class Simulation:
    """One cluster with its controllers; what is asked of it is asked of the server's state."""

    def __init__(self, *, nodes: int, hub: bool, size: bootstrap.NodeSize) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.state = cluster.Cluster("member1", clock=lambda: BEGIN + timedelta(seconds=loop.time() - begun))
        self.events: list[Event] = []
        if hub:
            bootstrap.hub(self.state)
        else:
            bootstrap.member(self.state, 0, nodes, size)
        self.state.subscribe(self.events.append)
        self.runner = runner.Runner(
            self.state, catalog.hub("s3cret") if hub else catalog.member("s3cret"), clock=self.state.clock
        )
        self.runner.start()

    async def settled(self) -> None:
        """Until there is nothing to do at this moment."""
        await self.runner.settled()

    async def after(self, seconds: float) -> None:
        """Lets time pass, and then until there is nothing to do."""
        await asyncio.sleep(seconds)
        await self.settled()

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        """Makes an object, lets the controllers do their work, and returns what became of it."""
        metadata = {"namespace": NAMESPACE, **body["metadata"]} if resource.namespaced else body["metadata"]
        made = self.state.create(resource, {**body, "metadata": metadata}, namespace=metadata.get("namespace", ""))
        await self.settled()
        return self.state.get(resource, metadata.get("namespace", ""), made["metadata"]["name"]) or {}

    async def edit(self, resource: Resource, name: str, *, namespace: str = NAMESPACE, **spec: Any) -> dict[str, Any]:
        """Changes fields of an object's spec, and lets the controllers do their work."""
        old = self.get(resource, name, namespace)
        self.state.replace(resource, {**old, "spec": {**old["spec"], **spec}})
        await self.settled()
        return self.get(resource, name, namespace)

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = NAMESPACE, propagation: str = "Background", **how: Any
    ) -> None:
        """Deletes an object, and lets the controllers do their work."""
        where = namespace if resource.namespaced else ""
        self.state.delete(resource, where, name, propagation=propagation, **how)
        await self.settled()

    def get(self, resource: Resource, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
        """An object that is there."""
        found = self.state.get(resource, namespace if resource.namespaced else "", name)
        assert found is not None, f"{resource.kind} {name} is not there"
        return found

    def has(self, resource: Resource, name: str, namespace: str = NAMESPACE) -> bool:
        """Whether an object is there."""
        return self.state.get(resource, namespace if resource.namespaced else "", name) is not None

    def pods(self, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
        """The pods of a namespace."""
        return self.state.list(kinds.PODS, namespace)


def member(
    *, nodes: int = 3, hub: bool = False, size: bootstrap.NodeSize | None = None
) -> Callable[[Callable[[Simulation], Awaitable[None]]], Callable[[], None]]:
    """Runs a test with a cluster of its own, in virtual time."""

    def decorate(story: Callable[[Simulation], Awaitable[None]]) -> Callable[[], None]:
        async def told() -> None:
            found = Simulation(nodes=nodes, hub=hub, size=size or bootstrap.NodeSize())
            await found.settled()
            found.events.clear()
            await story(found)
            found.runner.stop()

        def test() -> None:
            virtual_time.run(told())

        functools.update_wrapper(test, story)
        del test.__wrapped__  # type: ignore[attr-defined]  # pytest would ask for the story's argument
        return test

    return decorate


def template(
    image: str = "nginx:1", *, app: str = "web", annotations: Mapping[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """A pod template of one container."""
    metadata: dict[str, Any] = {"labels": {"app": app}}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": image}], **spec}}


def workload(
    name: str = "web", *, image: str = "nginx:1", annotations: Mapping[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """What a Deployment, ReplicaSet, StatefulSet or DaemonSet has in common."""
    selector = {"matchLabels": {"app": name}}
    made = template(image, app=name, annotations=annotations)
    return {"metadata": {"name": name}, "spec": {"selector": selector, "template": made, **spec}}


def pod(name: str = "alone", **spec: Any) -> dict[str, Any]:
    """A pod of one container."""
    made = template(app=name, **spec)
    return {"metadata": {"name": name, **made["metadata"]}, "spec": made["spec"]}


def condition(obj: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A condition that stands."""
    return next(each for each in obj["status"]["conditions"] if each["type"] == kind)
