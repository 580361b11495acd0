"""Cancellation that libraries swallow, and cancellation that they let out.

`asyncio.wait_for` of Python 3.11 answers the result, and forgets the cancellation, when both come in the same moment
(gh-86296, mended in 3.12). Libraries use it in every call; a loop that is being stopped would go on for ever.

A library that gives up cancels the futures that it gave; whoever awaits one gets a CancelledError though nobody wants
that task to stop. A worker that let it out would end, and no TaskGroup says anything of a child that was cancelled.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

R = TypeVar("R")


async def heeded(call: Awaitable[R]) -> R:
    """Awaits a call of a library. Raises CancelledError if this task was cancelled meanwhile, even if it answered."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    answer = await call
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


def is_asked() -> bool:
    """Whether this task, which has just got a CancelledError, is meant to stop; else a future was given up."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
