"""A Namespace or a definition goes only when everything that may be inside is known."""

import asyncio
from typing import Any

import pytest

from libs.common.kube import discovery
from libs.common.kube.client import Client
from libs.common.kube.discovery import Discovery
from libs.common.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, Resource
from tests.stories.agent import scene
from tests.stories.agent.scene import NAMESPACES, PATIENCE, Scene, namespace

WIDGETS = Resource(group="example.com", version="v1", kind="Widget", plural="widgets")


class Outage:
    """What a member's discovery leaves out while its group example.com is away."""

    def __init__(self, *, told: bool) -> None:
        self._discover = discovery.discover
        self._failed = {"example.com/v1": "the server is currently unable to handle the request"} if told else {}
        self._read = asyncio.Event()
        self._readings = 0
        self.over = False

    async def discover(self, api: Client) -> Discovery:
        found = await self._discover(api)
        self._readings += 1
        self._read.set()
        if self.over:
            return found
        served = [r for r in found.resources if r.group != "example.com"]
        return Discovery(resources=served, failed=self._failed)

    async def readings(self, number: int) -> None:
        """Waits until discovery was read so many times more."""
        wanted = self._readings + number
        async with asyncio.timeout(PATIENCE):
            while self._readings < wanted:
                self._read.clear()
                await self._read.wait()


def widget(name: str, space: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name, "namespace": space}}


async def test_a_namespace_stays_while_a_group_does_not_answer(world: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.applied(await world.apply(scene.definition("Widget", "widgets")))
    space = await world.apply(namespace("prod"))
    await world.applied(space)
    await world.make(WIDGETS, widget("theirs", "prod"))
    outage = Outage(told=True)
    monkeypatch.setattr(discovery, "discover", outage.discover)
    tombstone = await world.remove(space)
    await outage.readings(3)
    assert await world.get(WIDGETS, "theirs", "prod") is not None
    assert await world.get(NAMESPACES, "prod") is not None
    outage.over = True
    assert (await world.removed(tombstone)).preserved
    assert await world.get(WIDGETS, "theirs", "prod") is not None


async def test_a_definition_stays_until_its_kind_can_be_listed(world: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    defined = await world.apply(scene.definition("Widget", "widgets"))
    await world.applied(defined)
    await world.make(WIDGETS, widget("theirs", "default"))
    outage = Outage(told=False)
    monkeypatch.setattr(discovery, "discover", outage.discover)
    tombstone = await world.remove(defined)
    await outage.readings(3)
    assert await world.get(CUSTOM_RESOURCE_DEFINITIONS, "widgets.example.com") is not None
    outage.over = True
    assert (await world.removed(tombstone)).preserved
    assert await world.get(WIDGETS, "theirs") is not None


async def test_a_kind_is_looked_for_anew_before_its_object_counts_as_gone(
    world: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.applied(await world.apply(scene.definition("Widget", "widgets")))
    ours = widget("ours", "default")
    work = await world.apply({**ours, "metadata": {**ours["metadata"], "uid": "uid-ours"}})
    await world.applied(work)
    outage = Outage(told=False)
    monkeypatch.setattr(discovery, "discover", outage.discover)
    await world.refused(await world.apply({**scene.config_map("unknown"), "kind": "Nothing"}))
    await outage.readings(1)
    outage.over = True
    await world.removed(await world.remove(work))
    assert await world.get(WIDGETS, "ours") is None
