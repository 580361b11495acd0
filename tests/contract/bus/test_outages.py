"""Servers that stop, come back, come back empty, and come back as they were before."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from libs.cli import servers
from libs.common import bus
from libs.common.messages import Origin
from libs.common.names import OriginKey
from libs.common.subjects import BINDINGS, WORKS
from tests.contract.bus.conftest import Reader, running, until


def said(name: str) -> Origin:
    return Origin(kind="ResourceBinding", name=name, uid="u")


class Server:
    """A nats-server that the test stops and starts; its port stays."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = ""
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        self.url = (await self._stack.enter_async_context(servers.nats_server(self.directory))).url

    async def stop(self) -> None:
        await self._stack.aclose()

    async def wipe(self) -> None:
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self.directory / "jetstream")
        await self.start()

    async def copy(self, to: Path) -> None:
        await self.stop()
        await asyncio.to_thread(shutil.copytree, self.directory / "jetstream", to)
        await self.start()

    async def put_back(self, copy: Path) -> None:
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self.directory / "jetstream")
        await asyncio.to_thread(shutil.copytree, copy, self.directory / "jetstream")
        await self.start()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path / "server")
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[bus.Bus]:
    async with bus.connect(server.url, name="test") as made:
        await made.ensure_streams()
        yield made


async def test_a_reader_goes_on_after_a_restart(server: Server) -> None:
    async with connected(server) as made:
        a, b = (made.subjects.work("m1", OriginKey("ns", n)) for n in "ab")
        await made.publish(a, said("a"))
        reader = Reader(Origin)
        async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
            await until(lambda: reader.caught_up.is_set() and bool(reader.state))
            await server.stop()
            await server.start()
            await made.publish(b, said("b"))
            await until(lambda: reader.caught_up.is_set() and len(reader.state) == 2)


async def test_after_a_wipe_streams_and_consumers_are_there_again(server: Server) -> None:
    async with connected(server) as made:
        await made.create_agent_consumer("m1")
        subject = made.subjects.work("m1", OriginKey("ns", "a"))
        await made.publish(subject, said("before"))
        reader = Reader(Origin)
        follow = reader.follow(made, WORKS, [], consumer=bus.agent_consumer("m1"), create=False)
        async with running(follow):
            await until(lambda: bool(reader.state) and reader.caught_up.is_set())
            await server.wipe()
            await until(lambda: reader.replays == 2 and reader.caught_up.is_set())
            assert reader.state == {}
            await made.publish(subject, said("after"), expected_seq=0)
            await until(lambda: reader.state == {subject: said("after")})


async def test_a_stream_that_was_put_back_is_read_anew(server: Server, tmp_path: Path) -> None:
    async with connected(server) as made:
        a, b = (made.subjects.work("m1", OriginKey("ns", n)) for n in "ab")
        await made.publish(a, said("1"))
        await server.copy(tmp_path / "copy")
        await made.publish(a, said("2"))
        await made.publish(b, said("2"))
        reader = Reader(Origin)
        async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
            await until(lambda: len(reader.state) == 2)
            await server.put_back(tmp_path / "copy")
            await until(lambda: reader.state == {a: said("1")} and reader.caught_up.is_set())


async def test_a_publisher_waits_through_a_short_outage(server: Server) -> None:
    async with connected(server) as made:
        subject = made.subjects.work("m1", OriginKey("ns", "a"))
        await server.stop()
        async with asyncio.TaskGroup() as tasks:
            published = tasks.create_task(made.publish(subject, said("a")))
            await server.start()
        assert published.result() == 1


async def test_a_publisher_is_told_of_a_long_outage(server: Server) -> None:
    async with connected(server) as made:
        await server.stop()
        with pytest.raises(bus.Unavailable):
            await made.publish(made.subjects.work("m1", OriginKey("ns", "a")), said("a"))
        await server.start()


async def test_work_goes_on_after_a_restart(server: Server) -> None:
    done: list[str] = []

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        done.append(delivery.message.name)

    async with connected(server) as made:
        work = made.work_queue(
            BINDINGS, [made.subjects.all("binding", "request")], consumer="w", decode=lambda _: Origin, handle=handle
        )
        async with running(work):
            await made.publish(made.subjects.binding_request(OriginKey("ns", "a")), said("a"))
            await until(lambda: done == ["a"])
            await server.stop()
            await server.start()
            await made.publish(made.subjects.binding_request(OriginKey("ns", "b")), said("b"))
            await until(lambda: "b" in done)


async def test_work_goes_on_after_a_wipe(server: Server) -> None:
    done: list[str] = []

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        done.append(delivery.message.name)

    async with connected(server) as made:
        work = made.work_queue(
            BINDINGS, [made.subjects.all("binding", "request")], consumer="w", decode=lambda _: Origin, handle=handle
        )
        async with running(work):
            await server.wipe()
            subject = made.subjects.binding_request(OriginKey("ns", "a"))
            async with asyncio.timeout(10):
                while not done:
                    try:
                        await made.publish(subject, said("a"))
                    except bus.Unavailable:
                        await asyncio.sleep(0.05)


async def test_a_start_without_a_server_waits_for_it(tmp_path: Path) -> None:
    server = Server(tmp_path)
    await server.start()
    await server.stop()
    async with asyncio.TaskGroup() as tasks:

        async def late() -> None:
            async with connected(server) as made:
                await made.round_trip()

        waiting = tasks.create_task(late())
        await server.start()
        await asyncio.wait_for(waiting, 10)
    await server.stop()


@pytest.mark.parametrize("limit", [0.0001, 0.0], ids=["too late", "given up"])
async def test_a_round_trip_that_nobody_waits_for_does_not_cost_the_connection(made: bus.Bus, limit: float) -> None:
    for _ in range(20):
        if limit:
            with contextlib.suppress(bus.Unavailable):
                await made.round_trip(timeout=timedelta(seconds=limit))
        else:
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(made.round_trip())
                await asyncio.sleep(0)
                task.cancel()
    assert await made.publish(made.subjects.binding_request(OriginKey("ns", "a")), said("a")) == 1
