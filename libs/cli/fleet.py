"""A fleet that runs on this machine as local processes: what it is made of, where it keeps things, how it stands."""

import os
from pathlib import Path
from typing import Final, Literal

import msgspec

from libs.sandbox import kubeconfigs

FleetName = Literal["sandbox", "local", "demo"]
TITLES: Final[dict[FleetName, str]] = {
    "sandbox": "the sandbox",
    "local": "the fleet of `argosy up`",
    "demo": "the demo",
}
"""What users call them."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    name: FleetName
    members: int = 0
    """How many embedded members; 0 when the API servers exist already."""
    nodes: int = 3
    """Nodes of each embedded member."""
    hub: str = ""
    """Path of the kubeconfig of a hub that exists already; empty: an embedded one."""
    joined: dict[str, str] = {}
    """Members that exist already: name and path of the kubeconfig."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An API server and how to reach it."""

    name: str
    url: str
    kubeconfig: str


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """NATS or Redis."""

    url: str
    """With the token that the server asks for."""
    pid: int
    version: str
    path: str = ""
    """The binary that runs."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One of Argosy's services; `health` and `metrics` are URLs."""

    name: str
    pid: int
    health: str
    metrics: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `status -o json` prints."""

    hub: Endpoint
    members: list[Endpoint]
    nats: Server
    redis: Server
    services: list[Service]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a fleet that is up: its supervisor and its parts."""

    supervisor: int
    status: Status


def directory(name: FleetName) -> Path:
    """Where a fleet keeps its things (XDG base directories: state)."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "argosy" / name


def prepare(where: Path) -> None:
    """Makes the directory, for the user alone: it holds credentials."""
    where.mkdir(parents=True, exist_ok=True)
    where.chmod(0o700)


def publish(where: Path, running: Running) -> None:
    """Records that the fleet is up."""
    kubeconfigs.write(where / "fleet.json", msgspec.json.encode(running))


def withdraw(where: Path) -> None:
    """Takes the record away: the fleet is no longer up."""
    (where / "fleet.json").unlink(missing_ok=True)


def running(where: Path) -> Running | None:
    """The record of the fleet if its supervisor lives."""
    try:
        found = msgspec.json.decode((where / "fleet.json").read_bytes(), type=Running)
    except FileNotFoundError:
        return None
    return found if alive(found.supervisor) else None


def supervisor_pid(where: Path) -> int | None:
    """The supervisor that holds the directory, also while it still starts; None if none lives."""
    try:
        pid = int((where / "supervisor.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if alive(pid) else None


def alive(pid: int) -> bool:
    """Whether a process of that id runs, is no zombie, and is one of Python's (ids are used again)."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and (b"argosy" in command or b"libs.cli" in command)
