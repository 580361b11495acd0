"""Work that several processes share."""

import asyncio
from datetime import timedelta
from typing import Any

from libs.common import bus
from libs.common.errors import Retry, Terminal
from libs.common.messages import Origin
from libs.common.names import OriginKey
from libs.common.subjects import BINDINGS, DEAD
from tests.contract.bus.conftest import given_up, running, until


def said(name: str) -> Origin:
    return Origin(kind="ResourceBinding", name=name, uid="u")


async def ask(made: bus.Bus, name: str) -> None:
    await made.publish(made.subjects.binding_request(OriginKey("ns", name)), said(name))


def working(made: bus.Bus, handle: Any, *, workers: int = 4) -> Any:
    return made.work_queue(
        BINDINGS,
        [made.subjects.all("binding", "request")],
        consumer="workers",
        decode=lambda _: Origin,
        handle=handle,
        workers=workers,
    )


async def test_each_message_is_handled_by_one_of_two_processes(made: bus.Bus, nats_url: str) -> None:
    done: list[str] = []

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        done.append(delivery.message.name)

    async with (
        bus.connect(nats_url, name="second", prefix=made.subjects.prefix) as second,
        running(working(made, handle), working(second, handle)),
    ):
        for number in range(50):
            await ask(made, f"b{number}")
        await until(lambda: len(done) >= 50)
    assert sorted(done) == sorted(f"b{number}" for number in range(50))


async def test_what_fails_is_tried_again_and_holds_up_nobody(made: bus.Bus) -> None:
    attempts: list[str] = []

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        attempts.append(delivery.message.name)
        if delivery.message.name == "bad" and attempts.count("bad") < 3:
            raise RuntimeError("not yet")

    async with running(working(made, handle, workers=1)):
        await ask(made, "bad")
        await ask(made, "good")
        await until(lambda: attempts.count("bad") == 3)
    assert attempts.index("good") < 3


async def test_a_future_that_a_library_gives_up_ends_no_worker(made: bus.Bus) -> None:
    attempts: list[str] = []

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        attempts.append(delivery.message.name)
        if delivery.message.name == "bad" and attempts.count("bad") == 1:
            await given_up()

    async with running(working(made, handle, workers=1)):
        await ask(made, "bad")
        await ask(made, "good")
        await until(lambda: attempts.count("bad") == 2 and "good" in attempts)


async def test_retry_names_its_own_pause(made: bus.Bus) -> None:
    times: list[float] = []

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            raise Retry("wait", after=timedelta(milliseconds=400))

    async with running(working(made, handle)):
        await ask(made, "a")
        await until(lambda: len(times) == 2)
    assert times[1] - times[0] >= 0.4


async def test_what_can_never_work_is_kept_aside(made: bus.Bus) -> None:
    attempts = 0

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        nonlocal attempts
        attempts += 1
        raise Terminal("no such thing")

    async with running(working(made, handle)):
        await ask(made, "a")
        async with asyncio.timeout(5):
            while not (await made.stream_info(DEAD)).messages:
                await asyncio.sleep(0.01)
    assert attempts == 1


async def test_what_was_not_finished_goes_to_the_next_worker_at_once(made: bus.Bus) -> None:
    started, done = asyncio.Event(), asyncio.Event()

    async def never(_: bus.Delivery[Origin]) -> None:
        started.set()
        await asyncio.Event().wait()

    async def handle(_: bus.Delivery[Origin]) -> None:
        done.set()

    async with running(working(made, never)):
        await ask(made, "a")
        await started.wait()
    async with running(working(made, handle)):
        await asyncio.wait_for(done.wait(), 5)


async def test_a_newer_message_of_the_subject_is_not_held_up_by_the_older(made: bus.Bus) -> None:
    seen: list[str] = []
    release = asyncio.Event()

    async def handle(delivery: bus.Delivery[Origin]) -> None:
        seen.append(delivery.message.uid)
        if delivery.message.uid == "1":
            await release.wait()

    subject = made.subjects.binding_request(OriginKey("ns", "a"))
    async with running(working(made, handle)):
        await made.publish(subject, Origin(kind="k", name="a", uid="1"))
        await until(lambda: seen == ["1"])
        await made.publish(subject, Origin(kind="k", name="a", uid="2"))
        await until(lambda: seen == ["1", "2"])
        release.set()
