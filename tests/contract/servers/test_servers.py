"""nats-server and Redis as local processes."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

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
        assert server.url.partition("://")[2].startswith(f"{servers.LOOPBACK}:")


def test_versions_are_new_enough() -> None:
    assert tuple(map(int, servers.find_nats().version.split("."))) >= (2, 14)
    assert tuple(map(int, servers.find_redis().version.split("."))) >= (6, 0)
