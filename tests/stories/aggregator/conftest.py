"""A scene for each story."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.stories.aggregator import scene
from tests.stories.aggregator.scene import Scene


@pytest_asyncio.fixture
async def idle(nats_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """A hub without the aggregator."""
    async with scene.scene(nats_url, redis_url, tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def world(idle: Scene) -> AsyncIterator[Scene]:
    """A hub with the aggregator at work."""
    async with scene.acting(idle):
        yield idle
