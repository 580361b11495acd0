"""A kind that the hub serves and does not let policy read: its own policies are told, everybody else goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest_asyncio

from libs.common.kube.resources import EVENTS
from libs.sandbox import fleet
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World

A = key_of("ConfigMap", "a")


@pytest_asyncio.fixture
async def broken(tmp_path: Path, nats_url: str, prefix: str) -> AsyncIterator[tuple[World, Path]]:
    """A hub whose Deployments cannot be read, as those of a definition whose conversion fails."""
    async with (
        fleet.fleet(tmp_path / "fleet", members=0) as made,
        world.world(made.hub.kubeconfig, nats_url, prefix) as world_,
    ):
        await world_.join("m1")
        await world_.hub.apply(policy_for("all", "ConfigMap"), policy_for("web", "Deployment"), config_map("a"))
        await made.hub.fail(500, "conversion webhook failed", path="/apis/apps/v1/deployments")
        yield world_, made.hub.kubeconfig


async def test_a_kind_that_cannot_be_read_keeps_nobody_from_leading(
    broken: tuple[World, Path], nats_url: str, prefix: str
) -> None:
    world_, kubeconfig = broken
    async with world.policy(kubeconfig, nats_url, prefix):
        await until(lambda: world_.work("m1", A))


async def test_the_policy_that_selects_it_is_told(broken: tuple[World, Path], nats_url: str, prefix: str) -> None:
    world_, kubeconfig = broken
    async with world.policy(kubeconfig, nats_url, prefix):

        async def told() -> list[str]:
            events = [msgspec.json.decode(e) for e in (await world_.hub.api.list(EVENTS)).items]
            return [e["message"] for e in events if e["involvedObject"]["name"] == "web"]

        (message,) = await until(told)
    assert "conversion webhook failed" in message
