"""Cancellation that libraries swallow.

`asyncio.wait_for` of Python 3.11 answers the result, and forgets the cancellation, when both come in the same moment
(gh-86296, mended in 3.12). Libraries use it in every call; a loop that is being stopped would go on for ever.
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
