"""`/healthz`, `/readyz` and `/metrics` of a service, by a small HTTP responder of its own: probes want no framework."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import prometheus_client

_REQUEST_LIMIT: Final = timedelta(seconds=5)
_HEAD_LIMIT = 8192
_TEXT = "text/plain; charset=utf-8"
_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Health:
    """What a service says of its own readiness: every part that was ever named must be ok."""

    def __init__(self) -> None:
        self._parts: dict[str, bool] = {}
        self._stopping = False

    def ready(self, name: str, ok: bool) -> None:
        """Says whether the part `name` (a cache, a connection) can do its work."""
        self._parts[name] = ok

    def stop(self) -> None:
        """Not ready from now on: the service is going."""
        self._stopping = True

    @property
    def is_ready(self) -> bool:
        return not self._stopping and all(self._parts.values())

    def report(self) -> str:
        """A line per part, those that are not ok first."""
        lines = [
            f"{name}: {'ok' if ok else 'not ready'}" for name, ok in sorted(self._parts.items(), key=lambda p: p[::-1])
        ]
        if self._stopping:
            lines.insert(0, "stopping")
        return "\n".join(lines or ["ok"]) + "\n"


@asynccontextmanager
async def served(health: Health, address: str) -> AsyncIterator[str]:
    """Answers probes on `host:port` while the block runs; yields the address with the port that was taken."""
    host, _, port = address.rpartition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_LIMIT.total_seconds()):
                head = await reader.readuntil(b"\r\n\r\n")
                method, path = head.split(b" ", 2)[:2]
                writer.write(_answer(health, method.decode("latin-1"), path.decode("latin-1").partition("?")[0]))
                await writer.drain()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone or does not speak HTTP; there is nobody to tell
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host.strip("[]") or None, int(port), limit=_HEAD_LIMIT)
    async with server:
        chosen = server.sockets[0].getsockname()[1]
        yield f"{host or '127.0.0.1'}:{chosen}"


def _answer(health: Health, method: str, path: str) -> bytes:
    status, kind, body = _route(health, method, path)
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + (b"" if method == "HEAD" else body)


def _route(health: Health, method: str, path: str) -> tuple[int, str, bytes]:
    if method not in ("GET", "HEAD"):
        return 405, _TEXT, b"GET or HEAD only\n"
    match path:
        case "/healthz":
            return 200, _TEXT, b"ok\n"
        case "/readyz":
            return (200 if health.is_ready else 503), _TEXT, health.report().encode()
        case "/metrics":
            return 200, prometheus_client.CONTENT_TYPE_LATEST, prometheus_client.generate_latest()
    return 404, _TEXT, b"there are /healthz, /readyz and /metrics\n"
