"""A SOCKS5 proxy that a test can make refuse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """What it was asked for, and by whom."""

    def __init__(self, reply: int, login: bytes) -> None:
        self.url = ""
        self.targets: list[tuple[str, int]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self._reply = reply
        self._login = login

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            methods = await reader.readexactly((await reader.readexactly(2))[1])
            writer.write(b"\x05" + methods[:1])
            if methods[:1] == b"\x02":
                await reader.readexactly(1)
                self.logins.append((await _counted(reader), await _counted(reader)))
                writer.write(self._login)
            await reader.readexactly(4)
            host = (await _counted(reader)).decode()
            port = int.from_bytes(await reader.readexactly(2), "big")
            self.targets.append((host, port))
            writer.write(bytes((5, self._reply, 0, 1, 127, 0, 0, 1, 0, 0)))
            if self._reply == 0:
                there, here = await asyncio.open_connection("127.0.0.1", port)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_pump(reader, here))
                    tasks.create_task(_pump(there, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def proxying(*, reply: int = 0, login: bytes = b"\x01\x00") -> AsyncIterator[Proxy]:
    """A proxy that answers requests with `reply` and logins with `login`."""
    proxy = Proxy(reply, login)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"socks5://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()


async def _counted(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly((await reader.readexactly(1))[0])


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
    except ConnectionError:
        return
    finally:
        sink.close()
