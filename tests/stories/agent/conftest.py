"""A scene for each story."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.stories.agent import scene
from tests.stories.agent.scene import Scene


@pytest_asyncio.fixture
async def idle(nats_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """A member without an agent."""
    async with scene.scene(nats_url, tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def world(idle: Scene) -> AsyncIterator[Scene]:
    """A member with its agent."""
    async with scene.acting(idle):
        yield idle
