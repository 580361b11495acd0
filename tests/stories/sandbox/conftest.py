"""A fleet in a process of its own, as its command starts it."""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import worlds


class Process:
    """`python -m libs.sandbox.main` over a directory."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.directory = directory
        argv = [sys.executable, "-m", "libs.sandbox.main", "--dir", str(directory), *words]
        self._process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)

    def description(self) -> dict[str, Any]:
        """What the fleet says of itself, once it is ready."""

        def see() -> dict[str, Any] | None:
            if self._process.poll() is not None:
                raise RuntimeError(f"the fleet ended: {self._process.communicate()[1]}")
            path = self.directory / "sandbox.json"
            found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
            return found if found.pop("pid", None) == self._process.pid else None

        return worlds.until(see, what="the fleet is ready") or {}

    def cluster(self, name: str) -> worlds.Cluster:
        """One of its clusters."""
        described = self.description()
        found = next(each for each in (described["hub"], *described["members"]) if each["name"] == name)
        return worlds.Cluster(name, found["kubeconfig"])

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Stops it; the exit code and what it complained about."""
        self._process.send_signal(how)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """The exit code, once it ends by itself, and what it complained about."""
        complaint = self._process.communicate(timeout=10)[1]
        return self._process.returncode, complaint

    def kill(self) -> None:
        """Ends it whatever its state."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The fleet that all stories of this folder share."""
    process = Process(tmp_path_factory.mktemp("fleet"), "--members", "1")
    yield process
    process.kill()


@pytest.fixture
def member(running: Process) -> worlds.Cluster:
    """Its member."""
    return running.cluster("member1")


@pytest.fixture
def hub(running: Process) -> worlds.Cluster:
    """Its hub."""
    return running.cluster("hub")


@pytest.fixture
def ns(request: pytest.FixtureRequest, member: worlds.Cluster) -> Iterator[str]:
    """A namespace of the story's own in the member."""
    name = re.sub(r"[^a-z0-9-]+", "-", request.node.name.lower()).strip("-")[:50].strip("-")
    member.kubectl("create", "namespace", name)
    yield name
    member.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
