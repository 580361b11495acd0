"""Turns errors of the ordinary life of two writers, and of a hub or bus that is away for a moment, into retries."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from libs.common.bus.errors import Overtaken, Unavailable
from libs.common.errors import Retry
from libs.common.kube.errors import AlreadyExists, Conflict, Unreachable
from libs.common.reconcile import Outcome

K = TypeVar("K")

ORDINARY = (Conflict, AlreadyExists, Overtaken, Unavailable, Unreachable)


def calm(handle: Callable[[K], Awaitable[Outcome]]) -> Callable[[K], Awaitable[Outcome]]:
    """The handler, which raises Retry for what is ordinary: no traceback in the log, the same pauses."""

    async def calmed(key: K) -> Outcome:
        try:
            return await handle(key)
        except ORDINARY as error:
            raise Retry(str(error) or type(error).__name__) from error
        except ExceptionGroup as group:
            ordinary, others = group.split(ORDINARY)
            if ordinary is None or others is not None:
                raise
            raise Retry(str(ordinary.exceptions[0])) from group

    return calmed
