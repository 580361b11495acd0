"""HTTP/1.1 for a server whose answers are made at once: requests are parsed, handled and answered inside the socket's
own callback, with no task per request, and watches write to the transport as changes are committed.

The measure of it is `tests/perf`: an answer costs tens of microseconds here, and about four times that in aiohttp.
"""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any, Final, Protocol, cast
from urllib import parse

import msgspec

HEAD_LIMIT: Final = 64 << 10
BODY_LIMIT: Final = 3 << 20
"""Bytes of a request's body: kube-apiserver's limit."""
BACKLOG_LIMIT: Final = 64 << 20
"""Bytes that may wait for a client that does not read; then it is cut off, and has to list again."""
TOO_LARGE: Final = "x-body-too-large"
"""Stands among the headers of a request whose body was over the limit and therefore is not there."""
_GZIP_FROM: Final = 128 << 10

_PHRASES: Final = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Request(msgspec.Struct, kw_only=True):
    """What a client asks. Header names are in lower case; of a repeated query parameter the first counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def asks(self, name: str) -> bool:
        """Whether a query parameter says yes, as Kubernetes reads it: anything does but "0" and "false"."""
        value = self.query.get(name)
        return value is not None and value != "0" and value.lower() != "false"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is complete."""

    code: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Stream(Protocol):
    """An answer that goes on. It is opened with a function that sends a piece and one that ends the answer."""

    @property
    def content_type(self) -> str: ...
    def open(self, send: Callable[[bytes], None], end: Callable[[], None]) -> None: ...
    def closed(self) -> None: ...


HOLD: Final = Reply(code=0)
"""An answer that is never given."""

Handler = Callable[[Request], Reply | Stream]


class Malformed(Exception):
    """The bytes are no HTTP request that is understood here."""


class Connection(asyncio.Protocol):
    """One client. `handle` must not block; what it raises ends the connection."""

    def __init__(self, handle: Handler, open_connections: "set[Connection]") -> None:
        self._handle = handle
        self._all = open_connections
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._request: Request | None = None
        self._missing = 0
        self._skip = 0
        self._chunked = False
        self._stream: Stream | None = None
        self._keep = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=BACKLOG_LIMIT)
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._all.discard(self)
        if self._stream:
            self._stream.closed()
            self._stream = None

    def pause_writing(self) -> None:
        """Called by the loop when the backlog is over its limit."""
        self._transport.abort()

    def abort(self) -> None:
        """Cuts the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data
        try:
            while self._stream is None and not self._transport.is_closing() and self._advance():
                pass
        except Malformed as error:
            self._keep = False
            self._reply(Reply(code=400, body=str(error).encode(), content_type="text/plain"))

    def _advance(self) -> bool:
        """Handles a request if one is complete; False if more bytes are needed."""
        if self._request is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > HEAD_LIMIT:
                    raise Malformed("the head of the request is too long")
                return False
            self._begin(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if self._skip:
                skipped = min(self._skip, len(self._buffer))
                self._skip -= skipped
                del self._buffer[:skipped]
        request = self._request
        assert request is not None
        body = self._chunks() if self._chunked else self._whole()
        if body is None:
            return False
        request.body = gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
        self._request = None
        self._answer(request)
        return True

    def _begin(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, version = first.split(" ")
        except ValueError:
            raise Malformed("this is not an HTTP request") from None
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            key = name.lower()
            headers[key] = f"{headers[key]},{value.strip()}" if key in headers else value.strip()
        path, _, query = target.partition("?")
        self._request = Request(
            method=method,
            path=parse.unquote(path) if "%" in path else path,
            query=_query(query) if query else {},
            headers=headers,
        )
        wish = headers.get("connection", "").lower()
        self._keep = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise Malformed("Content-Length is not a number")
        self._missing = int(length)
        if self._missing > BODY_LIMIT:
            # the handler refuses it; what the client still sends is thrown away, so that it reads the refusal
            self._skip = self._missing
            self._missing = 0
            headers[TOO_LARGE] = length
        elif headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _whole(self) -> bytes | None:
        if len(self._buffer) < self._missing:
            return None
        body = bytes(self._buffer[: self._missing])
        del self._buffer[: self._missing]
        return body

    def _chunks(self) -> bytes | None:
        """The body of a chunked request, or None while its end has not come."""
        pieces: list[bytes] = []
        place = 0
        while True:
            end = self._buffer.find(b"\r\n", place)
            if end < 0:
                return None
            size = int(bytes(self._buffer[place:end]).split(b";")[0], 16)
            place = end + 2
            if len(self._buffer) < place + size + 2:
                return None
            if not size:
                del self._buffer[: place + 2]
                return b"".join(pieces)
            pieces.append(bytes(self._buffer[place : place + size]))
            place += size + 2

    def _answer(self, request: Request) -> None:
        reply = self._handle(request)
        if isinstance(reply, Reply):
            if reply is not HOLD:
                self._reply(reply, request)
            return
        self._stream = reply
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {reply.content_type}\r\nTransfer-Encoding: chunked\r\n"
        self._transport.write(f"{head}Cache-Control: no-cache, private\r\n\r\n".encode())
        reply.open(self._send, self._end)

    def _send(self, piece: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def _end(self) -> None:
        self._transport.write(b"0\r\n\r\n")
        if self._stream:
            self._stream.closed()
            self._stream = None
        if not self._keep:
            self._transport.close()
        elif self._buffer:
            self.data_received(b"")

    def _reply(self, reply: Reply, request: Request | None = None) -> None:
        body = reply.body
        lines = [
            f"HTTP/1.1 {reply.code} {_PHRASES.get(reply.code, '')}",
            f"Content-Type: {reply.content_type}",
            "Cache-Control: no-cache, private",
            *(f"{name}: {value}" for name, value in reply.headers),
        ]
        if request and len(body) > _GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            lines.append("Content-Encoding: gzip")
        if reply.code != 304:
            lines.append(f"Content-Length: {len(body)}")
        if not self._keep:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self._transport.write(head if request and request.method == "HEAD" else head + body)
        if not self._keep:
            self._transport.close()


def _query(text: str) -> dict[str, str]:
    found: dict[str, Any] = {}
    for key, value in parse.parse_qsl(text, keep_blank_values=True):
        found.setdefault(key, value)
    return found
