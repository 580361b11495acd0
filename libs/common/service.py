"""Runs a service from start to orderly stop: settings, logs, telemetry, signals, health and metrics.

A `main.py` only wires:

    def main() -> None:
        service.run("policy", Settings, serve)

Exit codes: 0 after SIGTERM or SIGINT, 1 after a failure, 2 for settings that cannot be used.

Start services with `MALLOC_ARENA_MAX=2`: glibc's arenas otherwise double the memory of a process with threads.
"""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from libs.common import errors, logs, probes, settings, telemetry
from libs.common.probes import Health

S = TypeVar("S", bound=settings.ServiceSettings)

log = structlog.get_logger(__name__)

FAILED, BAD_SETTINGS = 1, 2
_STOP_LIMIT: Final = timedelta(seconds=20)

__all__ = ["Health", "run"]


def run(name: str, settings_type: type[S], serve: Callable[[S, Health], Coroutine[Any, Any, None]]) -> None:
    """Runs `serve` until it returns, fails, or SIGTERM or SIGINT cancels it; then exits the process.

    `name` is the short name, such as "policy". `serve` gets its settings and the Health that answers `/readyz`; when
    cancelled it has 20 s to end. `errors.Terminal` ends the service with its message alone.
    """
    try:
        chosen = settings.load(settings_type, os.environ)
    except settings.SettingsError as error:
        print(f"argosy-{name}: {error}", file=sys.stderr)  # noqa: T201 - before there are settings there is no log
        sys.exit(BAD_SETTINGS)
    logs.configure(name, chosen.log_level, chosen.log_format)
    shutdown = telemetry.setup(name)
    _raise_file_limit()
    _tame_collector()
    try:
        code = _loop_runner()(_main(chosen, serve))
    finally:
        shutdown()
    sys.exit(code)


def _raise_file_limit() -> None:
    """Takes as many open files as the system allows: each watch is a connection, and hosted agents have many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tame_collector() -> None:
    """Keeps the cycle collector from stopping everything for tens of milliseconds where caches are large.

    What is imported by now lives for ever and need not be looked at again; what caches hold is looked at rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 200)


def _loop_runner() -> Callable[..., int]:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform
        return asyncio.run
    run: Callable[..., int] = uvloop.run
    return run


async def _main(chosen: S, serve: Callable[[S, Health], Coroutine[Any, Any, None]]) -> int:
    health = Health()
    async with probes.served(health, chosen.health_address) as address:
        if chosen.address_file:
            await asyncio.to_thread(_write_line, Path(chosen.address_file), address)
        log.info("started", health=f"http://{address}")
        with _signals() as stop:
            return await _until_stopped(serve(chosen, health), stop, health)


async def _until_stopped(serving: Coroutine[Any, Any, None], stop: asyncio.Event, health: Health) -> int:
    loop = asyncio.get_running_loop()
    task, stopping = loop.create_task(serving, name="serve"), loop.create_task(stop.wait(), name="stop")
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not task.done():
        log.info("stopping")
        health.stop()
        task.cancel()
        await asyncio.wait({task}, timeout=_STOP_LIMIT.total_seconds())
    if not task.done():
        log.error("did not stop in time", limit=_STOP_LIMIT.total_seconds())
        sys.stderr.flush()
        os._exit(FAILED)  # what does not heed its cancelling would hold the event loop too
    return _code(task)


def _code(task: "asyncio.Task[None]") -> int:
    error = None if task.cancelled() else task.exception()
    if error is None:
        log.info("stopped")
        return 0
    for leaf in _leaves(error):
        if isinstance(leaf, errors.Terminal):
            log.error("ended", error=str(leaf))
        else:
            log.error("failed", error=str(leaf) or type(leaf).__name__, exc_info=leaf)
    return FAILED


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


@contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; a second signal has its usual effect."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _write_line(path: Path, line: str) -> None:
    """Puts a line in place of the file at once, so that nobody reads half of it."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(f"{line}\n")
    partial.replace(path)
