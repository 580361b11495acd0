"""The fleet as a process: what it leaves, what it finds again, and how it stands in the way of nobody."""

import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests import worlds
from tests.stories.sandbox.conftest import Process


@pytest.fixture
def started(tmp_path: Path) -> Iterator["list[Process]"]:
    """The processes that a story starts; they end with it."""
    found: list[Process] = []
    yield found
    for process in found:
        process.kill()


def start(started: "list[Process]", directory: Path, *words: str) -> Process:
    process = Process(directory, "--members", "2", "--nodes", "1", *words)
    started.append(process)
    return process


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_restart_keeps_objects_and_addresses(started: "list[Process]", tmp_path: Path, how: signal.Signals) -> None:
    first = start(started, tmp_path)
    before = first.description()
    first.cluster("member1").kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    first.cluster("member1").kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    pods = first.cluster("member1").kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}")
    first.end(how)
    second = start(started, tmp_path)
    assert second.description() == before
    member = second.cluster("member1")
    assert member.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}") == pods
    member.kubectl("scale", "deployment/web", "--replicas=3")
    member.kubectl("rollout", "status", "deployment/web", "--timeout=20s")


def test_a_kill_in_the_middle_of_a_burst(started: "list[Process]", tmp_path: Path) -> None:
    first = start(started, tmp_path)
    member = first.cluster("member1")
    burst = [worlds.deployment(f"web{number}") for number in range(60)]
    with ThreadPoolExecutor() as pool:
        applied = pool.submit(member.kubectl, "apply", "-f", "-", stdin=yaml.safe_dump_all(burst), ok=False)
        worlds.until(lambda: member.deployment("web9", "default"), what="the burst has begun")
        first.end(signal.SIGKILL)
        applied.result()
    member = start(started, tmp_path).cluster("member1")
    kept = len((member.get("/apis/apps/v1/namespaces/default/deployments") or {})["items"])
    assert 10 <= kept < 60

    def running() -> int:
        pods = (member.get("/api/v1/namespaces/default/pods") or {})["items"]
        return sum(each["status"]["phase"] == "Running" for each in pods)

    worlds.until(lambda: running() == 2 * kept, what="two pods for each Deployment that came through")


def test_it_ends_cleanly(started: "list[Process]", tmp_path: Path) -> None:
    process = start(started, tmp_path)
    process.description()
    assert process.end() == (0, "")
    assert not (tmp_path / "sandbox.json").exists()


def test_a_busy_port_is_chosen_around(started: "list[Process]", tmp_path: Path) -> None:
    first = start(started, tmp_path)
    port = int(first.description()["hub"]["url"].rpartition(":")[2])
    first.end()
    with socket.socket() as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupant.bind(("127.0.0.1", port))
        occupant.listen()
        second = start(started, tmp_path)
        assert int(second.description()["hub"]["url"].rpartition(":")[2]) != port
        assert "kube-system" in second.cluster("hub").kubectl("get", "namespaces")


def test_one_fleet_a_directory(started: "list[Process]", tmp_path: Path) -> None:
    start(started, tmp_path).description()
    code, complaint = start(started, tmp_path).wait()
    assert code == 1
    assert "runs already" in complaint
    assert (tmp_path / "sandbox.json").exists()


def test_what_lets_one_in_is_private(started: "list[Process]", tmp_path: Path) -> None:
    start(started, tmp_path).description()
    for name in ("token", "hub.kubeconfig", "member1.kubeconfig", "hub.journal"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name


def test_strangers_are_refused(started: "list[Process]", tmp_path: Path) -> None:
    hub = start(started, tmp_path).cluster("hub")
    hub.token, hub.url = "wrong", hub.url.rpartition("/")[0]
    with pytest.raises(worlds.Failed, match="Unauthorized"):
        hub.get("/api/v1/namespaces")
