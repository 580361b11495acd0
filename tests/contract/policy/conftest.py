"""A hub of its own for each test, and a prefix of its own on the shared bus."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from libs.sandbox import fleet
from tests.contract.policy import world
from tests.contract.policy.world import World

_prefixes = (f"policy{number}" for number in itertools.count())


@pytest_asyncio.fixture
async def prefix() -> str:
    return next(_prefixes)


@pytest_asyncio.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    async with fleet.fleet(tmp_path / "fleet", members=0) as made:
        yield made.hub.kubeconfig


@pytest_asyncio.fixture
async def outside(kubeconfig: Path, nats_url: str, prefix: str) -> AsyncIterator[World]:
    """The world with two members, before policy is there."""
    async with world.world(kubeconfig, nats_url, prefix) as made:
        await made.join("m1", "m2")
        yield made


@pytest_asyncio.fixture
async def running(outside: World, kubeconfig: Path, nats_url: str, prefix: str) -> AsyncIterator[World]:
    """The same with policy."""
    async with world.policy(kubeconfig, nats_url, prefix):
        yield outside
