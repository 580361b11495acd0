"""A cancellation is never lost in a library."""

import asyncio

import pytest

from libs.common import cancellation


async def test_a_call_that_swallows_the_cancellation() -> None:
    async def swallowing() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "answer"
        return ""

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(cancellation.heeded(swallowing()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_call_that_answers() -> None:
    async def answering() -> int:
        await asyncio.sleep(0)
        return 7

    assert await cancellation.heeded(answering()) == 7


async def test_a_task_that_tidies_up_after_its_cancellation_may_call() -> None:
    tidied: list[int] = []

    async def answering() -> int:
        return 7

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append(await cancellation.heeded(answering()))

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
    assert tidied == [7]
