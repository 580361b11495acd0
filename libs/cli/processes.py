"""Child processes that are kept running, and that never outlive the one who started them."""

import asyncio
import ctypes
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ProcessFailed(Exception):
    """A process ended before it was ready; the message has the end of its log."""


def die_with_parent() -> None:
    """Run in the child: it gets SIGTERM when its parent dies, however that happens (prctl(2), Linux)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@asynccontextmanager
async def started(
    argv: Sequence[str], *, env: Mapping[str, str], log: Path, grace: timedelta = timedelta(seconds=10)
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process for the time of the block, in a session of its own, so that the terminal's Ctrl-C does not reach it.

    Args:
        log: gets what it prints, appended.
        grace: how long it may take to stop after SIGTERM; then it is killed.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield process
    finally:
        await stop(process, grace)


async def stop(process: asyncio.subprocess.Process, grace: timedelta) -> None:
    """SIGTERM, and SIGKILL if that is not heeded."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(grace.total_seconds()):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def until(
    condition: Callable[[], bool],
    process: asyncio.subprocess.Process,
    *,
    what: str,
    log: Path,
    limit: timedelta = timedelta(seconds=30),
) -> None:
    """Waits until a condition holds that the process brings about.

    Raises:
        ProcessFailed: the process ended, or the limit passed.
    """
    try:
        async with asyncio.timeout(limit.total_seconds()):
            while not condition():
                if process.returncode is not None:
                    raise ProcessFailed(f"{what} ended with exit code {process.returncode}.\n{tail(log)}")
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise ProcessFailed(f"{what} was not ready after {limit.total_seconds():.0f} s.\n{tail(log)}") from None


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, for people."""
    if not log.exists():
        return f"({log} does not exist)"
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in text)])
