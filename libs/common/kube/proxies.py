"""Ways through a proxy: HTTP CONNECT (RFC 9110), SOCKS5 (RFC 1928, RFC 1929).

A `Tunnel` is the protocol of a connection until the proxy has connected it to its target; then another takes it over.
"""

import asyncio
import base64
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import SplitResult, unquote

SCHEMES: Final = ("http", "socks5", "socks5h")
_PORTS: Final = {"http": 3128, "socks5": 1080, "socks5h": 1080}
_LONGEST_ANSWER = 65536
_NO_CREDENTIALS, _PASSWORD = 0, 2
_SOCKS_REPLIES: Final = (
    "succeeded",
    "general failure",
    "not allowed by its rules",
    "network unreachable",
    "host unreachable",
    "connection refused",
    "time to live expired",
    "command not supported",
    "address type not supported",
)


class Tunnel(asyncio.Protocol):
    """A connection to a proxy, on which both take turns to speak."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._lost = False
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._wake()

    async def ask(self, host: str, port: int, proxy: SplitResult) -> None:
        """Has the proxy connect to the target. Raises OSError if it does not."""
        if proxy.scheme == "http":
            await self._connect(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy)
        else:
            await self._socks(host.encode("idna"), port, proxy)

    async def _connect(self, target: str, proxy: SplitResult) -> None:
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *(f"{k}: {v}" for k, v in authorization(proxy))]
        self._say("\r\n".join((*lines, "", "")).encode())
        head = await self._hear(lambda received: received.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in received else 0)
        line = head.partition(b"\r\n")[0]
        if line.split(b" ")[1:2] != [b"200"]:
            raise ConnectionRefusedError(f"proxy {proxy.hostname} said {line.decode('latin-1')!r}")

    async def _socks(self, host: bytes, port: int, proxy: SplitResult) -> None:
        method = _PASSWORD if proxy.username else _NO_CREDENTIALS
        self._say(bytes((5, 1, method)))
        if await self._exactly(2) != bytes((5, method)):
            raise ConnectionRefusedError(f"proxy {proxy.hostname} does not take our way to log in")
        if method == _PASSWORD:
            name, password = (unquote(text or "").encode() for text in (proxy.username, proxy.password))
            self._say(bytes((1, len(name))) + name + bytes((len(password),)) + password)
            if (await self._exactly(2))[1] != 0:
                raise ConnectionRefusedError(f"proxy {proxy.hostname} does not take our user and password")
        self._say(bytes((5, 1, 0, 3, len(host))) + host + port.to_bytes(2, "big"))
        _, reply, _, kind = await self._exactly(4)
        if reply != 0:
            reason = _SOCKS_REPLIES[reply] if reply < len(_SOCKS_REPLIES) else f"error {reply}"
            raise ConnectionRefusedError(f"proxy {proxy.hostname} cannot connect: {reason}")
        length = {1: 4, 4: 16}.get(kind) or (await self._exactly(1))[0]
        await self._exactly(length + 2)

    def _say(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def _exactly(self, count: int) -> bytes:
        return await self._hear(lambda received: count if len(received) >= count else 0)

    async def _hear(self, enough: Callable[[bytes], int]) -> bytes:
        """Waits for the bytes that `enough` counts, 0 while there are too few."""
        while not (size := enough(self._received)):
            if self._lost or len(self._received) > _LONGEST_ANSWER:
                raise ConnectionResetError("the proxy closed the connection or does not speak its protocol")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        heard, self._received = self._received[:size], self._received[size:]
        return heard

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def port(proxy: SplitResult) -> int:
    """The port of a proxy, or the usual one of its kind."""
    return proxy.port or _PORTS[proxy.scheme]


def authorization(proxy: SplitResult) -> list[tuple[str, str]]:
    """The header that says to an HTTP proxy who asks."""
    if not proxy.username:
        return []
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return [("Proxy-Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")]
