"""What tests share: the real servers, started once a session."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from libs.cli import servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A nats-server with JetStream that all tests share; use a prefix of your own for subjects and streams."""
    async with servers.nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Redis that all tests share; use a database number or a prefix of your own."""
    async with servers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url
