"""A service as a process: how it starts, what it answers, how it stops."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from libs.common.kube import http

PROGRAM = """
import asyncio
from libs.common import errors, service, settings

class Settings(settings.ServiceSettings, frozen=True, kw_only=True):
    mode: str = "wait"

async def serve(chosen, health):
    health.ready("cache", False)
    match chosen.mode:
        case "fail":
            raise ValueError("broken")
        case "give-up":
            raise errors.Terminal("the hub has no CRDs; install them")
        case "return":
            return
        case "ready":
            health.ready("cache", True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up", flush=True)

service.run("test", Settings, serve)
"""


class Service:
    """One started process and its health address."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address

    async def get(self, path: str) -> tuple[int, str]:
        answer = await http.Pool(f"http://{self.address}", None).call("GET", path, [], b"", timedelta(seconds=5))
        return answer.status, answer.body.decode()

    async def end(self) -> tuple[int, str, list[dict[str, object]]]:
        """Exit code, stdout and the log, once the process has ended."""
        out, err = await self.process.communicate()
        code = self.process.returncode
        assert code is not None
        return code, out.decode(), [json.loads(line) for line in err.splitlines()]


async def launch(**environ: str) -> asyncio.subprocess.Process:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ARGOSY_", "OTEL_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env={**clean, **environ}, stdout=-1, stderr=-1
    )


@asynccontextmanager
async def started(tmp_path: Path, mode: str) -> AsyncIterator[Service]:
    file = tmp_path / "address"
    process = await launch(ARGOSY_MODE=mode, ARGOSY_ADDRESS_FILE=str(file))
    try:
        async with asyncio.timeout(20):
            while not file.exists():
                await asyncio.sleep(0.02)
        yield Service(process, file.read_text().strip())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_ready_service_answers_probes_and_metrics(tmp_path: Path) -> None:
    async with started(tmp_path, "ready") as service:
        assert await service.get("/healthz") == (200, "ok\n")
        assert await service.get("/readyz?verbose") == (200, "cache: ok\n")
        status, metrics = await service.get("/metrics")
        assert (status, "process_resident_memory_bytes" in metrics) == (200, True)
        assert (await service.get("/else"))[0] == 404


async def test_a_service_that_is_not_ready_says_what_is_missing(tmp_path: Path) -> None:
    async with started(tmp_path, "wait") as service:
        assert await service.get("/readyz") == (503, "cache: not ready\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    async with started(tmp_path, "ready") as service:
        service.process.send_signal(number)
        code, out, log = await service.end()
    assert (code, out) == (0, "cleaned up\n")
    assert [line["event"] for line in log] == ["started", "stopping", "stopped"]


@pytest.mark.parametrize(
    ("mode", "code", "event", "error"),
    [
        pytest.param("return", 0, "stopped", None, id="returns"),
        pytest.param("fail", 1, "failed", "broken", id="fails"),
        pytest.param("give-up", 1, "ended", "the hub has no CRDs; install them", id="gives-up"),
    ],
)
async def test_how_it_ends(mode: str, code: int, event: str, error: str | None) -> None:
    ended, _, log = await Service(await launch(ARGOSY_MODE=mode), "").end()
    assert (ended, log[-1]["event"], log[-1].get("error")) == (code, event, error)


async def test_a_failure_is_logged_with_its_traceback_on_one_line() -> None:
    _, _, log = await Service(await launch(ARGOSY_MODE="fail"), "").end()
    assert "Traceback" in str(log[-1]["exception"])


async def test_an_unknown_setting_stops_the_start_with_its_name() -> None:
    process = await launch(ARGOSY_MODUS="x")
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (
        2,
        "argosy-test: ARGOSY_MODUS is not a setting of this service; did you mean ARGOSY_MODE?\n",
    )
