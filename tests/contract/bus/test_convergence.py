"""Whatever happens in whatever order: in the end a reader has what the stream has."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats.errors
import pytest

from libs.common import bus
from libs.common.messages import Origin
from libs.common.names import OriginKey
from libs.common.subjects import WORKS
from tests.contract.bus.conftest import Reader, running
from tests.contract.bus.test_outages import Server


class Turmoil:
    """One seed's sequence of events at a stream that two readers follow: one of the hub's side and one agent."""

    def __init__(self, seed: int, server: Server, made: bus.Bus) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.bus = made
        self.readers = (Reader(Origin), Reader(Origin))
        self.count = 0

    async def write(self) -> None:
        for _ in range(self.random.randint(1, 40)):
            self.count += 1
            message = Origin(kind="k", name=str(self.count), uid="u")
            await self._try(self.bus.publish(self._subject(), message))

    async def purge(self) -> None:
        subject = self._subject()
        await self._try(self.bus.purge(WORKS, subject, up_to_seq=self.random.randint(1, 10_000)))

    async def lose_consumers(self) -> None:
        await self.bus._session.up()
        try:
            for consumer in await self.bus._session.js.consumers_info(WORKS):
                if not consumer.name.startswith("agent-"):
                    await self.bus._session.js.delete_consumer(WORKS, consumer.name)
        except nats.errors.Error:
            return  # the stream is in the making

    async def restart(self) -> None:
        await self.server.stop()
        await self.server.start()

    async def wipe(self) -> None:
        await self.server.wipe()

    async def make_anew(self) -> None:
        await self._try(self.bus._session.js.delete_stream(WORKS))
        await self._try(self.bus.ensure_streams())
        await self._try(self.bus.create_agent_consumer("m1"))

    async def run(self, steps: int) -> None:
        often: list[Callable[[], Awaitable[None]]] = [self.write] * 6 + [self.purge] * 3 + [self.lose_consumers]
        seldom = [self.restart, self.wipe, self.make_anew]
        for step in range(steps):
            await self.random.choice(seldom if step % 8 == 7 else often)()

    async def settled(self) -> bool:
        """Whether both readers have exactly the stream's messages."""
        stream = {}
        for number in range(8):
            subject = self.bus.subjects.work("m1", OriginKey("ns", f"b{number}"))
            last = await self.bus.last(WORKS, subject, Origin)
            if last is not None:
                stream[subject] = last.message
        return all(reader.caught_up.is_set() and reader.state == stream for reader in self.readers)

    def _subject(self) -> str:
        return self.bus.subjects.work("m1", OriginKey("ns", f"b{self.random.randint(0, 7)}"))

    async def _try(self, call: Awaitable[object]) -> None:
        try:
            await call
        except (bus.Unavailable, nats.errors.Error):
            return


@pytest.mark.parametrize("seed", range(3))
async def test_readers_converge(seed: int, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    await server.start()
    try:
        await _converge(seed, server)
    finally:
        await server.stop()


async def _converge(seed: int, server: Server) -> None:
    async with bus.connect(server.url, name="test") as made:
        await made.ensure_streams()
        await made.create_agent_consumer("m1")
        turmoil = Turmoil(seed, server, made)
        hub, agent = turmoil.readers
        async with running(
            hub.follow(made, WORKS, [made.subjects.all("work")]),
            agent.follow(made, WORKS, [], consumer=bus.agent_consumer("m1"), create=False),
        ):
            await turmoil.run(32)
            for number in range(8):
                # the last word on each subject, so that purges before it do not matter
                await made.publish(
                    made.subjects.work("m1", OriginKey("ns", f"b{number}")), Origin(kind="k", name="last", uid="u")
                )
            async with asyncio.timeout(20):
                while not await turmoil.settled():
                    await asyncio.sleep(0.02)
