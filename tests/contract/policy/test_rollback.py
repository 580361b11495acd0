"""A hub that was put back to an earlier copy: nothing is removed until a user has looked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from libs.common.api import wellknown
from libs.common.kube.resources import LEASES, ObjectKey
from libs.sandbox import fleet
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World

A, B = key_of("ConfigMap", "a"), key_of("ConfigMap", "b")
LEASE = ObjectKey(wellknown.SYSTEM_NAMESPACE, "argosy-policy")
_SETTLED = 4.0
"""Longer than watches and retries of a hub that is back again take."""


class Scene:
    """The world before a copy of the hub, in which `a` stands, and after it, when `b` does too."""

    def __init__(self, world_: World, hub: fleet.Server, copy: Path) -> None:
        self.world = world_
        self.kubeconfig = hub.kubeconfig
        self._hub = hub
        self._copy = copy

    async def prepare(self) -> None:
        await self.world.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
        await until(lambda: self.world.work("m1", A) and self.world.work("m2", A))
        await self._hub.back_up(self._copy)
        for number in range(5):
            await self.world.hub.apply(config_map("b", n=str(number)))
        await until(lambda: self.world.work("m1", B) and self.world.work("m2", B))

    async def put_back(self) -> None:
        await self._hub.restore(self._copy)

    async def count_on(self) -> None:
        """Brings the hub's versions far above all that anybody remembers."""
        for number in range(60):
            await self.world.hub.apply(config_map("busy", namespace="kube-system", n=str(number)))

    def removed(self) -> list[str]:
        return [w.name for w in self.world.history if w.op == "delete"]

    async def noted(self) -> str:
        """What stands on the Lease about it."""
        lease = await self.world.hub.get("Lease.coordination.k8s.io", LEASE.namespace, LEASE.name)
        notes = lease["metadata"].get("annotations", {}) if lease is not None else {}
        return str(notes.get(wellknown.ROLLED_BACK_ANNOTATION, ""))

    async def accept(self) -> None:
        """A user looks at what is noted, and accepts it."""
        notes = {"metadata": {"annotations": {wellknown.ACCEPT_ROLLBACK_ANNOTATION: await self.noted()}}}
        await self.world.hub.api.patch(LEASES, LEASE, notes, manager="test")


@pytest_asyncio.fixture
async def scene(tmp_path: Path, nats_url: str, prefix: str) -> AsyncIterator[Scene]:
    async with (
        fleet.fleet(tmp_path / "fleet", members=0) as made,
        world.world(made.hub.kubeconfig, nats_url, prefix) as world_,
    ):
        await world_.join("m1", "m2")
        yield Scene(world_, made.hub, tmp_path / "copy")


async def test_a_hub_that_is_put_back_while_policy_leads_removes_nothing(
    scene: Scene, nats_url: str, prefix: str
) -> None:
    async with world.policy(scene.kubeconfig, nats_url, prefix):
        await scene.prepare()
        await scene.put_back()
        await until(scene.noted)
        await asyncio.sleep(_SETTLED)

        assert scene.removed() == []


async def test_a_later_leader_knows_though_the_hub_has_counted_on(scene: Scene, nats_url: str, prefix: str) -> None:
    async with world.policy(scene.kubeconfig, nats_url, prefix):
        await scene.prepare()
        await scene.put_back()
        await until(scene.noted)
    await scene.count_on()

    async with world.policy(scene.kubeconfig, nats_url, prefix):
        await scene.world.hub.apply(config_map("c"))
        await until(lambda: scene.world.work("m1", key_of("ConfigMap", "c")))
        await asyncio.sleep(1)

        assert scene.removed() == []


async def test_what_a_user_accepts_is_removed(scene: Scene, nats_url: str, prefix: str) -> None:
    async with world.policy(scene.kubeconfig, nats_url, prefix):
        await scene.prepare()
        await scene.put_back()
        await until(scene.noted)
        await scene.accept()

        await until(lambda: len(scene.removed()) == 2, limit=20)
        assert set(scene.removed()) == {"b"}
