"""An embedded API server that a test starts, stops, restarts and wipes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.sandbox.cluster import Cluster
from libs.sandbox.serving.server import Server, serve

TOKEN = "token-of-the-tests"


class Embedded:
    """One API server on one port, with a journal, so that a restart keeps its objects."""

    def __init__(self, journal: Path) -> None:
        self.cluster: Cluster
        self.server: Server
        self._journal = journal
        self._port = 0

    async def start(self) -> None:
        """Serves what the journal holds."""
        self.cluster = Cluster("hub", self._journal)
        self.server = await serve(self.cluster, "127.0.0.1", self._port, TOKEN)
        self._port = self.server.port

    async def stop(self) -> None:
        """Ends it as a crash would: connections are cut."""
        await self.server.close()
        self.cluster.close()

    def forget(self) -> None:
        """Loses everything, while stopped."""
        self._journal.unlink()

    def client(self) -> Client:
        return Client(Credentials(server=self.server.url, token=TOKEN))


@asynccontextmanager
async def embedded(tmp_path: Path) -> AsyncIterator[Embedded]:
    it = Embedded(tmp_path / "hub.journal")
    await it.start()
    try:
        yield it
    finally:
        await it.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Waits until something is true; ten seconds are more than enough."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
