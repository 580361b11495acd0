"""HTTP/1.1 as API servers need it: many small calls on few connections, and streams that live for minutes.

A general client library takes three times the time of a call and four times the memory (docs/adr/0001). What is on the
wire is parsed by httptools (the parser of Node.js); here are connections, their reuse and their end.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, cast
from urllib import parse

import httptools

from libs.common.kube import errors, proxies

Headers = Sequence[tuple[str, str]]

_CONNECT: Final = timedelta(seconds=10)
_IDLE: Final = timedelta(seconds=30)
_BUFFER = 2**20


class Response:
    """The beginning of an answer, and its body where that was read as a whole."""

    __slots__ = ("body", "headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""


class Connection(asyncio.Protocol):
    """One connection, on which one exchange at a time takes place."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.heard_at = 0.0
        """When its exchange began, or when something of the answer last came."""
        self.response = Response()
        self._clock = asyncio.get_running_loop().time
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parts: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._streams = False
        self._begun = False
        self._complete = True
        self._keeps = True
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    # ---- asyncio -----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._clock()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(errors.Garbled(f"what came is not HTTP: {error}"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self._complete and self._begun and self._ends_with_connection():
            self.on_message_complete()
            return
        self._fail(errors.Interrupted(str(error) if error else "the server closed the connection"))

    # ---- httptools ---------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            raise errors.Garbled("an answer came that nobody asked for")
        self.response = Response()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.response.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.response.status = self._parser.get_status_code()
        self._begun = self.response.status >= 200
        if self._streams:
            self._wake()

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._buffered += len(body)
        if self._streams:
            self._wake()
            if self._buffered > _BUFFER and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if not self._begun:  # 1xx: the answer itself is still to come
            return
        self._complete = True
        self._keeps = self._parser.should_keep_alive()
        self._wake()

    # ---- exchanges ---------------------------------------------------------------------------------------------------

    @property
    def reusable(self) -> bool:
        """Whether another exchange may take place on it."""
        alive = self._transport is not None and not self._transport.is_closing()
        return alive and self._complete and self._keeps and self._error is None

    async def call(self, request: bytes) -> Response:
        """Sends a request and reads the whole answer."""
        self._begin(request, streams=False)
        await self._until_woken()
        self.response.body = self._taken()
        return self.response

    async def begin_stream(self, request: bytes) -> Response:
        """Sends a request and reads the answer up to its body, which `read` gives."""
        self._begin(request, streams=True)
        while not self._begun:
            await self._until_woken()
        return self.response

    async def read(self) -> bytes:
        """The next bytes of a streamed body; b"" at its end."""
        while not self._parts:
            if self._complete:
                return b""
            await self._until_woken()
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return self._taken()

    async def read_all(self) -> bytes:
        """The rest of a streamed body."""
        parts = []
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Closes it without ceremony."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, request: bytes, *, streams: bool) -> None:
        if self._transport is None:
            raise errors.Interrupted("the server closed the connection")
        self._begun, self._complete, self._streams = False, False, streams
        self.heard_at = self._clock()
        self._transport.write(request)

    def _taken(self) -> bytes:
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._buffered = 0
        return body

    async def _until_woken(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._error)

    def _ends_with_connection(self) -> bool:
        headers = self.response.headers
        return b"content-length" not in headers and b"chunked" not in headers.get(b"transfer-encoding", b"").lower()


class Pool:
    """Connections to one server.

    `server` is its base URL, `tls` secures the connections if given, `server_name` is the name that its certificate
    must bear, `proxy` the URL of a proxy, `limit` how many calls may be under way at a time.
    """

    def __init__(
        self, server: str, tls: ssl.SSLContext | None, *, server_name: str = "", proxy: str = "", limit: int = 64
    ) -> None:
        parts = parse.urlsplit(server)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if tls is not None else 80)
        self._tls = tls
        self._name = server_name or self._host
        self._proxy = parse.urlsplit(proxy) if proxy else None
        # an HTTP proxy makes a plain call itself; all else goes through a tunnel
        self._asks_proxy = self._proxy is not None and self._proxy.scheme == "http" and tls is None
        self._authority = parts.netloc.rpartition("@")[2]
        self.origin = f"{parts.scheme}://{self._authority}"
        """The server as messages name it: a path in its URL may be a secret."""
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._places = asyncio.Semaphore(limit)

    async def call(
        self, method: str, target: str, headers: Headers, body: bytes, limit: timedelta, *, fresh: bool = False
    ) -> Response:
        """One exchange, on a connection of its own if `fresh`.

        Raises Unreachable if no answer came within `limit`, Interrupted if a connection broke that had stood.
        """
        async with self._places:
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    connection = (None if fresh else self._kept()) or await self._connect()
                    self._busy.add(connection)
                    try:
                        response = await connection.call(self._request(method, target, headers, body))
                    except BaseException:
                        connection.close()
                        raise
                    finally:
                        self._busy.discard(connection)
            except TimeoutError:
                raise errors.Unreachable(f"{self.origin}: no answer in {limit.total_seconds():g} s") from None
            except (errors.Interrupted, errors.Garbled) as error:
                raise type(error)(f"{self.origin}: {error}") from error
            self._keep(connection)
            return response

    @asynccontextmanager
    async def stream(self, method: str, target: str, headers: Headers, limit: timedelta) -> AsyncIterator[Connection]:
        """An exchange whose answer is read from the connection as it comes; leaving the block closes that.

        Raises Unreachable if no answer began within `limit`, Interrupted when the connection breaks.
        """
        connection = await self._connect()
        self._busy.add(connection)
        try:
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    await connection.begin_stream(self._request(method, target, headers, b""))
            except TimeoutError:
                raise errors.Unreachable(f"{self.origin}: no answer in {limit.total_seconds():g} s") from None
            yield connection
        except (errors.Interrupted, errors.Garbled) as error:
            raise type(error)(f"{self.origin}: {error}") from error
        finally:
            self._busy.discard(connection)
            connection.close()

    def forsake(self, since: float) -> None:
        """Ends what has heard nothing from the server since that time (of the loop's clock), and what is idle."""
        self.close()
        for connection in [each for each in self._busy if each.heard_at < since]:
            connection.close()

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _request(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        if self._asks_proxy and self._proxy is not None:
            target, headers = self.origin + target, [*headers, *proxies.authorization(self._proxy)]
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._authority}", *(f"{k}: {v}" for k, v in headers)]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join((*lines, "", "")).encode("latin-1") + body

    def _kept(self) -> Connection | None:
        """The connection that was used last, if there is one that may still be good."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and now - connection.idle_since < _IDLE.total_seconds():
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.close()

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(_CONNECT.total_seconds()):
                return await (self._direct() if self._proxy is None else self._through(self._proxy))
        except ssl.SSLError as error:
            raise errors.Unreachable(f"{self.origin}: its certificate or TLS is not accepted: {error}") from error
        except TimeoutError:
            raise errors.Unreachable(f"{self.origin}: no connection in {_CONNECT.total_seconds():g} s") from None
        except OSError as error:
            raise errors.Unreachable(f"{self.origin}: {error.strerror or error}") from error

    async def _direct(self) -> Connection:
        loop = asyncio.get_running_loop()
        name = self._name if self._tls is not None else None
        transport, connection = await loop.create_connection(
            Connection, self._host, self._port, ssl=self._tls, server_hostname=name
        )
        _keep_alive(transport)
        return connection

    async def _through(self, proxy: parse.SplitResult) -> Connection:
        loop = asyncio.get_running_loop()
        where = proxy.hostname or "", proxies.port(proxy)
        if self._asks_proxy:
            transport, connection = await loop.create_connection(Connection, *where)
            _keep_alive(transport)
            return connection
        transport, tunnel = await loop.create_connection(proxies.Tunnel, *where)
        _keep_alive(transport)
        connection = Connection()
        try:
            await tunnel.ask(self._host, self._port, proxy)
            if self._tls is None:
                transport.set_protocol(connection)
                connection.connection_made(transport)
                return connection
            secured = await loop.start_tls(transport, connection, self._tls, server_hostname=self._name)
            if secured is None:
                raise ConnectionResetError("the connection was closed")
            connection.connection_made(secured)
        except BaseException:
            transport.abort()
            raise
        return connection


def _keep_alive(transport: asyncio.Transport) -> None:
    """Lets the system find out about a peer that is gone without a word."""
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
