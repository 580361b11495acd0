"""Core NATS: messages to whoever listens, requests and answers."""

import asyncio
from datetime import timedelta

import pytest

from libs.common import bus
from libs.common.messages import Inventory, InventoryRequest, Origin
from libs.common.subjects import DEAD
from tests.contract.bus.conftest import given_up, running, until

SECOND = timedelta(seconds=1)
ASKED = InventoryRequest(hub_uid="h", cluster_uid="c")


async def answer(delivery: bus.Delivery[InventoryRequest]) -> Inventory:
    return Inventory(hub_uid=delivery.message.hub_uid, cluster="m1", cluster_uid=delivery.message.cluster_uid)


def subject(made: bus.Bus) -> str:
    return made.subjects.call("m1", "inventory")


async def _asked(made: bus.Bus, limit: timedelta = SECOND) -> Inventory:
    return await made.request(subject(made), ASKED, Inventory, timeout=limit)


async def test_a_request_is_answered(made: bus.Bus) -> None:
    async with running(made.serve(subject(made), InventoryRequest, answer)):
        await made.round_trip()
        assert (await _asked(made)).cluster_uid == "c"


async def test_many_requests_at_once(made: bus.Bus) -> None:
    async with running(made.serve(subject(made), InventoryRequest, answer, workers=4)):
        await made.round_trip()
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(_asked(made)) for _ in range(50)]
    assert {task.result().cluster for task in asked} == {"m1"}


async def test_nobody_there_is_told_at_once(made: bus.Bus) -> None:
    async with asyncio.timeout(0.5):
        with pytest.raises(bus.Unavailable):
            await _asked(made)


async def test_a_request_whose_handler_fails_stays_unanswered_and_the_next_is_served(made: bus.Bus) -> None:
    failed = False

    async def once(delivery: bus.Delivery[InventoryRequest]) -> Inventory:
        nonlocal failed
        if not failed:
            failed = True
            raise RuntimeError("not this time")
        return await answer(delivery)

    async with running(made.serve(subject(made), InventoryRequest, once)):
        await made.round_trip()
        with pytest.raises(bus.Unavailable):
            await _asked(made, timedelta(milliseconds=200))
        assert (await _asked(made)).cluster == "m1"


async def test_a_future_that_a_library_gives_up_ends_no_worker(made: bus.Bus) -> None:
    failed = False

    async def once(delivery: bus.Delivery[InventoryRequest]) -> Inventory:
        nonlocal failed
        if not failed:
            failed = True
            await given_up()
        return await answer(delivery)

    async with running(made.serve(subject(made), InventoryRequest, once, workers=1)):
        await made.round_trip()
        with pytest.raises(bus.Unavailable):
            await _asked(made, timedelta(milliseconds=200))
        assert (await _asked(made)).cluster == "m1"


async def test_an_answer_of_another_type_is_no_answer(made: bus.Bus) -> None:
    async def wrong(_: bus.Delivery[InventoryRequest]) -> list[int]:
        return [1]

    async with running(made.serve(subject(made), InventoryRequest, wrong)):
        await made.round_trip()
        with pytest.raises(bus.Unavailable, match="answered with no Inventory"):
            await _asked(made)


async def test_who_listens_hears_until_the_block_ends(made: bus.Bus) -> None:
    heard: list[str] = []
    beat = made.subjects.beat("m1")
    async with made.subscribe_core(made.subjects.all("beat"), Origin, lambda d: heard.append(d.message.name)):
        await made.round_trip()
        await made.publish_core(beat, Origin(kind="k", name="1", uid="u"))
        await until(lambda: heard == ["1"])
    await made.publish_core(beat, Origin(kind="k", name="2", uid="u"))
    await made.round_trip()
    assert heard == ["1"]


async def test_what_cannot_be_read_is_kept_aside_and_the_next_is_heard(made: bus.Bus) -> None:
    heard: list[str] = []
    beat = made.subjects.beat("m1")
    async with made.subscribe_core(made.subjects.all("beat"), Origin, lambda d: heard.append(d.message.name)):
        await made.round_trip()
        await made.publish_core(beat, [1, 2])
        await made.publish_core(beat, Origin(kind="k", name="1", uid="u"))
        await until(lambda: heard == ["1"])
    async with asyncio.timeout(5):
        while not (await made.stream_info(DEAD)).messages:
            await asyncio.sleep(0.01)
