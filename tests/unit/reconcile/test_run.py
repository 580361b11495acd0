"""The loop: retries, parallelism and orderly stop, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import prometheus_client
import pytest

from libs.common import errors, reconcile
from libs.common.backoff import Backoff
from libs.common.reconcile import DONE, After, Outcome, Queue
from tests import virtual_time

EXACT = Backoff(first=timedelta(seconds=1), limit=timedelta(seconds=4), jitter=0)


class Handler:
    """Answers each call with the next of its outcomes, then with DONE, and notes when it was called."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.calls: list[tuple[float, str]] = []
        self._outcomes = list(outcomes)

    async def __call__(self, key: str) -> Outcome:
        self.calls.append((asyncio.get_running_loop().time(), key))
        outcome = self._outcomes.pop(0) if self._outcomes else DONE
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.calls]


def run_for(
    seconds: float,
    handle: Callable[[str], Awaitable[Outcome]],
    *keys: str,
    workers: int = 4,
    grace: timedelta = timedelta(seconds=5),
) -> Queue[str]:
    """Runs the loop on `keys` for that long, then cancels it."""
    queue: Queue[str] = Queue()

    async def scenario() -> None:
        for key in keys:
            queue.add(key)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await reconcile.run(queue, handle, name="test", workers=workers, backoff=EXACT, grace=grace)

    virtual_time.run(scenario())
    return queue


@pytest.mark.parametrize(
    ("outcomes", "times"),
    [
        pytest.param([], [0], id="done"),
        pytest.param([After(timedelta(seconds=7))], [0, 7], id="after-7s"),
        pytest.param([errors.Terminal("no")], [0], id="terminal"),
        pytest.param([errors.Retry("wait", after=timedelta(seconds=9))], [0, 9], id="retry-after-9s"),
        pytest.param([errors.Retry("wait")], [0, 1], id="retry-by-backoff"),
        pytest.param([OSError()] * 4, [0, 1, 3, 7, 11], id="backoff-doubles-up-to-4s"),
        pytest.param([OSError(), DONE], [0, 1], id="success-ends-it"),
    ],
)
def test_a_key_is_handled_at(outcomes: list[Outcome | Exception], times: list[float]) -> None:
    handler = Handler(*outcomes)
    run_for(100, handler, "a")
    assert handler.times == times


def test_success_forgets_the_failures() -> None:
    handler = Handler(OSError(), OSError(), After(timedelta(seconds=10)), OSError())
    run_for(100, handler, "a")
    assert handler.times == [0, 1, 3, 13, 14]


def test_a_slow_key_delays_no_other() -> None:
    finished: list[tuple[float, str]] = []

    async def handle(key: str) -> Outcome:
        await asyncio.sleep(50 if key == "slow" else 1)
        finished.append((asyncio.get_running_loop().time(), key))
        return DONE

    run_for(100, handle, "slow", "b", "c", "d", workers=2)
    assert finished == [(1, "b"), (2, "c"), (3, "d"), (50, "slow")]


def test_one_key_is_never_handled_twice_at_a_time() -> None:
    busy = most = runs = 0
    queue: Queue[str] = Queue()

    async def handle(key: str) -> Outcome:
        nonlocal busy, most, runs
        busy, runs = busy + 1, runs + 1
        most = max(most, busy)
        if runs < 5:
            queue.add(key)
        await asyncio.sleep(1)
        busy -= 1
        return DONE

    async def scenario() -> None:
        queue.add("a")
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                await reconcile.run(queue, handle, name="test")

    virtual_time.run(scenario())
    assert (most, runs) == (1, 5)


def test_a_future_that_a_library_gives_up_ends_no_worker() -> None:
    async def handle(key: str) -> Outcome:
        calls.append(key)
        if calls.count(key) == 1:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        return DONE

    calls: list[str] = []
    run_for(1000, handle, "a", "b", "c", workers=2)
    assert sorted(calls) == ["a", "a", "b", "b", "c", "c"]


def test_stopping_lets_what_is_in_hand_finish() -> None:
    finished = []

    async def handle(key: str) -> Outcome:
        await asyncio.sleep(12)
        finished.append(key)
        return DONE

    queue = run_for(10, handle, "a", "b", workers=1)
    assert (finished, len(queue)) == (["a"], 1)


def test_stopping_cancels_after_the_grace_and_keeps_the_key() -> None:
    async def handle(key: str) -> Outcome:
        await asyncio.sleep(1000)
        return DONE

    queue = run_for(10, handle, "a", grace=timedelta(seconds=5))
    assert len(queue) == 1


def test_a_queue_can_be_run_again() -> None:
    handler = Handler()
    queue = run_for(1, handler)

    async def scenario() -> None:
        queue.add("a")
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await reconcile.run(queue, handler, name="test")

    virtual_time.run(scenario())
    assert [key for _, key in handler.calls] == ["a"]


def test_outcomes_are_counted() -> None:
    def count(outcome: str) -> float:
        labels = {"queue": "test", "outcome": outcome}
        return prometheus_client.REGISTRY.get_sample_value("argosy_reconcile_total", labels) or 0.0

    names = ("done", "after", "retry", "terminal", "error")
    before = [count(name) for name in names]
    run_for(100, Handler(OSError(), errors.Retry(), After(timedelta(seconds=1)), errors.Terminal("no")), "a")
    run_for(100, Handler(), "b")
    assert [count(name) - b for name, b in zip(names, before, strict=True)] == [1, 1, 1, 1, 1]


def test_the_depths_of_queues_that_share_a_name_add_up() -> None:
    async def wait(key: str) -> Outcome:
        await asyncio.Event().wait()
        return DONE

    async def scenario() -> float | None:
        queues: list[Queue[str]] = [Queue(), Queue()]
        async with asyncio.TaskGroup() as tasks:
            loops = [
                tasks.create_task(reconcile.run(q, wait, name="shared", workers=1, grace=timedelta())) for q in queues
            ]
            for queue in queues:
                for key in ("busy", "waits", "waits too"):
                    queue.add(key)
            await asyncio.sleep(1)
            depth = prometheus_client.REGISTRY.get_sample_value("argosy_reconcile_queue_depth", {"queue": "shared"})
            for loop in loops:
                loop.cancel()
        return depth

    assert virtual_time.run(scenario()) == 4
