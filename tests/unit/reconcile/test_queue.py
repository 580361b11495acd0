"""The set of dirty keys: what is in it once, in which order it comes out, and when."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.reconcile import Queue
from tests import virtual_time


async def _drain(queue: Queue[str]) -> list[str]:
    taken = []
    while len(queue):
        key = await queue.take()
        taken.append(key)
        queue.release(key)
    return taken


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        pytest.param([("a", 0), ("b", 0)], ["a", "b"], id="oldest-first"),
        pytest.param([("a", 0), ("b", 0), ("a", 0)], ["a", "b"], id="once-and-at-its-first-place"),
        pytest.param([("a", 0), ("b", 5)], ["b", "a"], id="higher-priority-first"),
        pytest.param([("a", 0), ("b", 5), ("a", 7)], ["a", "b"], id="priority-rises"),
        pytest.param([("a", 7), ("b", 5), ("a", 0)], ["a", "b"], id="priority-never-falls"),
    ],
)
async def test_keys_come_out(added: list[tuple[str, int]], expected: list[str]) -> None:
    queue: Queue[str] = Queue()
    for key, priority in added:
        queue.add(key, priority=priority)
    assert await _drain(queue) == expected


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3))))
def test_every_key_comes_out_once_by_its_highest_priority(added: list[tuple[str, int]]) -> None:
    async def scenario() -> list[str]:
        queue: Queue[str] = Queue()
        for key, priority in added:
            queue.add(key, priority=priority)
        return await _drain(queue)

    highest: dict[str, int] = {}
    for key, priority in added:
        highest[key] = max(priority, highest.get(key, 0))
    taken = virtual_time.run(scenario())
    assert sorted(taken) == sorted(highest)
    assert [highest[key] for key in taken] == sorted((highest[key] for key in taken), reverse=True)


async def test_a_busy_key_that_is_added_waits_until_it_is_released() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    key = await queue.take()
    queue.add("a")
    queue.add("b")
    assert await queue.take() == "b"
    queue.release(key)
    assert await queue.take() == "a"


async def test_a_busy_key_that_is_not_added_does_not_come_back() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    queue.release(await queue.take())
    assert len(queue) == 0


async def test_a_cancelled_taker_passes_its_turn_on() -> None:
    queue: Queue[str] = Queue()
    async with asyncio.TaskGroup() as tasks:
        first, second = tasks.create_task(queue.take()), tasks.create_task(queue.take())
        await asyncio.sleep(0)
        queue.add("a")
        first.cancel()
    assert second.result() == "a"


def test_of_several_timers_the_earliest_counts() -> None:
    async def scenario() -> tuple[float, int]:
        queue: Queue[str] = Queue()
        queue.add_after("a", timedelta(seconds=10))
        queue.add_after("a", timedelta(seconds=2))
        queue.add_after("a", timedelta(seconds=5))
        queue.release(await queue.take())
        at = asyncio.get_running_loop().time()
        await asyncio.sleep(60)
        return at, len(queue)

    assert virtual_time.run(scenario()) == (2, 0)


def test_a_delay_of_zero_is_now() -> None:
    async def scenario() -> int:
        queue: Queue[str] = Queue()
        queue.add_after("a", timedelta())
        return len(queue)

    assert virtual_time.run(scenario()) == 1
