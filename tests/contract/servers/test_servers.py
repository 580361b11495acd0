"""nats-server and Redis as local processes."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest
import redis.asyncio

from libs.cli import servers

Start = Callable[[Path], AbstractAsyncContextManager[servers.Server]]
BOTH = pytest.mark.parametrize("start", [servers.nats_server, servers.redis_server])


def _port(server: servers.Server) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


@BOTH
async def test_the_same_directory_gives_the_same_port(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as first:
        pass
    async with start(tmp_path) as second:
        assert second.url == first.url
        assert second.pid != first.pid


@BOTH
async def test_a_busy_port_is_gone_around(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as first:
        pass
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind((servers.LOOPBACK, _port(first)))
        squatter.listen()
        async with start(tmp_path) as second:
            assert _port(second) != _port(first)


@BOTH
async def test_the_end_of_the_process_is_noticed(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as server:
        os.kill(server.pid, signal.SIGKILL)
        assert await asyncio.wait_for(server.exited, 5) == -signal.SIGKILL


@BOTH
async def test_nothing_is_left_after_the_block(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as server:
        pass
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect((servers.LOOPBACK, _port(server)))


@BOTH
async def test_it_listens_on_loopback_alone(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as server:
        assert urlsplit(server.url).hostname == servers.LOOPBACK


@BOTH
async def test_the_url_alone_lets_in(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as server:
        await ask(server.url)


@pytest.mark.parametrize(
    ("start", "said", "answer"),
    [
        (servers.nats_server, "CONNECT {}", "Authorization Violation"),
        (servers.nats_server, 'CONNECT {"auth_token": "guess"}', "Authorization Violation"),
        (servers.redis_server, "KEYS *", "-NOAUTH"),
        (servers.redis_server, "AUTH guess", "-WRONGPASS"),
    ],
)
async def test_nobody_else_is_let_in(start: Start, said: str, answer: str, tmp_path: Path) -> None:
    async with start(tmp_path) as server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(servers.LOOPBACK, _port(server))
        writer.write(f"{said}\r\nPING\r\n".encode())
        heard = ""
        while answer not in heard:
            part = await reader.read(1000)
            assert part, f"the end, after {heard!r}"
            heard += part.decode()
        assert "PONG" not in heard
        writer.close()


@BOTH
async def test_the_token_is_on_no_command_line_and_in_no_file_of_others(start: Start, tmp_path: Path) -> None:
    async with start(tmp_path) as server:
        token = (tmp_path / "token").read_text().strip()
        assert token in server.url
        assert token.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        files = [path for path in tmp_path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
        assert len(files) == 2
        assert {path.stat().st_mode & 0o077 for path in files} == {0}


async def ask(url: str) -> None:
    """Speaks with a server as any client does that has nothing but the URL."""
    if url.startswith("redis://"):
        async with redis.asyncio.Redis.from_url(url) as client:
            await client.ping()
        return
    client = await nats.connect(url)
    await client.flush()
    await client.close()


def test_versions_are_new_enough() -> None:
    assert tuple(map(int, servers.find_nats().version.split("."))) >= (2, 14)
    assert tuple(map(int, servers.find_redis().version.split("."))) >= (6, 0)
