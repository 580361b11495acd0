"""A bus of its own for each test: the server is shared, the prefix is not."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from libs.common import bus


@pytest.fixture
def prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
async def made(nats_url: str, prefix: str) -> AsyncIterator[bus.Bus]:
    async with bus.connect(nats_url, name="test", prefix=prefix) as connected:
        await connected.ensure_streams()
        yield connected


async def until(condition: Callable[[], bool], limit: timedelta = timedelta(seconds=10)) -> None:
    """Waits for a condition that another task brings about."""
    async with asyncio.timeout(limit.total_seconds()):
        while not condition():
            await asyncio.sleep(0.005)


async def given_up() -> None:
    """What a call of a library does that ends while it is waited for: its future is cancelled, the task is not."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


class Reader:
    """A state reader that remembers the last message of each subject, and how often it had to begin again."""

    def __init__(self, type_: Any) -> None:
        self.type = type_
        self.state: dict[str, Any] = {}
        self.order: list[int] = []
        self.replays = 0
        self.caught_up = asyncio.Event()

    def on_message(self, delivery: bus.Delivery[Any]) -> None:
        self.state[delivery.subject] = delivery.message
        self.order.append(delivery.seq)

    def on_replay(self) -> None:
        self.state.clear()
        self.order.clear()
        self.replays += 1

    async def follow(
        self, reading: bus.Bus, stream: str, filters: list[str], *, consumer: str = "reader", create: bool = True
    ) -> None:
        await reading.follow(
            stream,
            filters,
            consumer=consumer,
            decode=lambda _: self.type,
            on_message=self.on_message,
            on_replay=self.on_replay,
            caught_up=self.caught_up,
            create=create,
        )


@asynccontextmanager
async def running(*coroutines: Any) -> AsyncIterator[None]:
    """Runs readers for the time of the block."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(c) for c in coroutines]
        try:
            yield
        finally:
            for task in started:
                task.cancel()
