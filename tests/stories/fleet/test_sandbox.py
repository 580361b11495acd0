"""The sandbox itself: it survives a restart, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests import worlds
from tests.worlds import Failed, Sandbox, config_map, until


def test_objects_survive_a_restart_and_down_leaves_no_process(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, members=1, nodes=1)
    sandbox.hub.apply(config_map("kept", a="b"), namespace="default")
    uid = (sandbox.hub.config_map("kept", "default") or {})["metadata"]["uid"]
    pids = [s["pid"] for s in (*sandbox.status["services"], sandbox.status["nats"], sandbox.status["redis"])]
    ports = [int(sandbox.status[k]["url"].rpartition(":")[2].partition("/")[0]) for k in ("hub", "nats", "redis")]
    sandbox.down()
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()

    again = Sandbox(tmp_path, members=1, nodes=1)
    assert (again.hub.config_map("kept", "default") or {})["metadata"]["uid"] == uid
    again.down()


def test_a_second_up_is_refused_while_the_first_runs(sandbox: Sandbox) -> None:
    with pytest.raises(Failed, match="is up already"):
        sandbox.argosy("sandbox", "up", "--detach")


def test_a_service_that_dies_is_started_again(sandbox: Sandbox) -> None:
    before = sandbox.pid("scheduler")
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        now = sandbox.pid("scheduler")
        return now != before and Path(f"/proc/{now}").exists()

    until(back, what="another scheduler process")


def test_tokens_of_the_servers_show_to_nobody_else(sandbox: Sandbox) -> None:
    sandbox.refresh()
    tokens = [urlsplit(sandbox.status[k]["url"]).netloc.partition("@")[0].lstrip(":") for k in ("nats", "redis")]
    assert all(len(token) > 20 for token in tokens)
    processes = [sandbox.status["nats"], sandbox.status["redis"], *sandbox.status["services"]]
    shown = [Path(f"/proc/{each['pid']}/cmdline").read_text() for each in processes]
    logs = [log.read_text() for log in (sandbox.state / "argosy" / "sandbox").rglob("*.log")]
    assert logs
    assert not [text for text in (*shown, *logs) for token in tokens if token in text]


def test_services_answer_health_and_metrics(sandbox: Sandbox) -> None:
    sandbox.refresh()
    for service in sandbox.status["services"]:
        root = service["health"].removesuffix("/healthz")
        until(lambda root=root: urlopen(f"{root}/readyz", timeout=5).status == 200, what=f"{service['name']} is ready")
        assert urlopen(service["health"], timeout=5).status == 200
        assert b"argosy_" in urlopen(service["metrics"], timeout=5).read()


def test_up_serves_api_servers_that_exist_already(tmp_path: Path, sandbox: Sandbox) -> None:
    """`argosy up` over another sandbox's API servers is a fleet of its own; here only its refusal is shown."""
    missing = sandbox.argosy("up", "--hub", str(tmp_path / "nowhere"), ok=False)
    assert "does not exist" in missing
    assert json.loads(sandbox.argosy("sandbox", "status", "-o", "json"))["hub"]["name"] == "hub"


def test_who_gives_up_waiting_leaves_no_fleet_behind(tmp_path: Path) -> None:
    """Ctrl-C while a detached fleet is coming up."""
    command = worlds.Command(tmp_path)
    argv = [sys.executable, "-m", "libs.cli", "sandbox", "up", "--detach", "--members", "1"]
    with subprocess.Popen(argv, env=command.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as up:
        pid = tmp_path / "argosy" / "sandbox" / "supervisor.pid"
        until(pid.exists, what="a supervisor that has begun")
        supervisor = int(until(pid.read_text, what="its process id"))
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=20) != 0
    until(lambda: not Path(f"/proc/{supervisor}").exists(), what="the supervisor has ended")
    assert "was not up" in command("sandbox", "down")
