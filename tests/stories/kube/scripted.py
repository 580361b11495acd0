"""A server that answers what a test tells it to, byte by byte: the world at its worst."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib import parse


@dataclass(frozen=True)
class Request:
    """What the server was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One whole answer; `close` ends the connection after it without having said so."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False


@dataclass(frozen=True)
class Chunks:
    """An answer in chunks, and then: `end` as HTTP has it, `cut` the connection, or `hold` it in silence."""

    chunks: tuple[bytes, ...]
    then: str = "hold"


@dataclass(frozen=True)
class Raw:
    """These bytes, whatever they are, and the end of the connection."""

    data: bytes


@dataclass(frozen=True)
class Bytes:
    """These bytes, on a connection that goes on."""

    data: bytes


Answer = Reply | Chunks | Raw | Bytes
Script = Callable[[Request], Answer]


class Server:
    """Answers in the order of its script; what comes after the script's end is held in silence."""

    def __init__(self, answers: Iterable[Answer | Script]) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.url = ""
        self.refuses_tunnels = False
        self._answers = deque(answers)
        self._writers: set[asyncio.StreamWriter] = set()
        self._over = asyncio.Event()

    def then(self, *answers: Answer | Script) -> None:
        """Goes on with these."""
        self._answers.extend(answers)

    async def asked(self, times: int) -> None:
        """Waits until so many requests have come."""
        async with asyncio.timeout(10):
            while len(self.requests) < times:
                await asyncio.sleep(0.005)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                request = await _read(reader)
                if request.method == "CONNECT" and not self.refuses_tunnels:
                    self.requests.append(request)
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    await self._tunnel(request.path, reader, writer)
                    return
                self.requests.append(request)
                answer = self._answers.popleft() if self._answers else Chunks((), "hold")
                if not await _answer(writer, answer(request) if callable(answer) else answer, self._over):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        there, here = await asyncio.open_connection(host, int(port))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, here))
            tasks.create_task(_pump(there, writer))

    def say(self, data: bytes) -> None:
        """Sends this on every open connection, unasked."""
        for writer in self._writers:
            writer.write(data)

    def cut(self) -> None:
        """Cuts every open connection."""
        self._over.set()
        self._over = asyncio.Event()
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def serving(*answers: Answer | Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server with this script, at `url` while the block runs."""
    server = Server(answers)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listener.close()
        server.cut()
        await asyncio.sleep(0)


# ---- what an API server says -----------------------------------------------------------------------------------------


def item(name: str, version: int, **more: Any) -> dict[str, Any]:
    """An object as it stands in lists and events."""
    return {"metadata": {"namespace": "ns", "name": name, "resourceVersion": str(version)}, **more}


def listing(version: int, *items: dict[str, Any], more: str = "") -> Reply:
    """A list, or a page of one."""
    metadata = {"resourceVersion": str(version), **({"continue": more} if more else {})}
    return Reply(body=json.dumps({"kind": "List", "metadata": metadata, "items": items}).encode())


def event(type_: str, obj: dict[str, Any]) -> bytes:
    """A line of a watch, as API servers spell it."""
    return json.dumps({"type": type_, "object": obj}, separators=(",", ":")).encode() + b"\n"


def bookmark(version: int, *, ends_initial: bool = False) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if ends_initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return event("BOOKMARK", {"kind": "ConfigMap", "metadata": metadata})


def initial(version: int, *items: dict[str, Any]) -> tuple[bytes, ...]:
    """The first part of a watch that begins with what is there."""
    return (*(event("ADDED", each) for each in items), bookmark(version, ends_initial=True))


def refusal(code: int, reason: str = "", **headers: str) -> Reply:
    status = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": f"no: {reason}"}
    return Reply(code, json.dumps(status).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, parse.unquote(path), dict(parse.parse_qsl(query)), headers, body)


async def _answer(writer: asyncio.StreamWriter, answer: Answer, over: asyncio.Event) -> bool:
    """Sends an answer; whether the connection goes on. What is held is held until `over`."""
    match answer:
        case Reply(status, body, headers, close):
            lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items())]
            lines.append(f"Content-Length: {len(body)}")
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
            return not close
        case Chunks(chunks, then):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for chunk in chunks:
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
            if then == "end":
                writer.write(b"0\r\n\r\n")
                return True
            if then == "hold":
                await over.wait()
            return False
        case Bytes(data):
            writer.write(data)
            await writer.drain()
            return True
        case Raw(data):
            writer.write(data)
            await writer.drain()
            return False


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        return
    finally:
        sink.close()
