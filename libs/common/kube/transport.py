"""Calls and streams to one API server: credentials, and what is done about refusals and broken connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib import parse

import msgspec

from libs.common.kube import errors, http, wire
from libs.common.kube.credentials import Credentials

Body = bytes | dict[str, Any] | list[Any] | msgspec.Struct

_PLAIN = "application/json"
_LIMIT: Final = timedelta(seconds=20)
_PAUSES = 4
_LONGEST_PAUSE: Final = timedelta(seconds=10)
_REPEATABLE: Final = frozenset({"GET", "PUT", "PATCH", "DELETE"})


class Transport:
    """The way to one API server. To be entered with `async with`; `server` is its base URL.

    `silence` is how long a stream may say nothing until it is taken for dead, `limit` how long the whole of an ordinary
    answer and the beginning of a stream's may take.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        user_agent: str = "argosy",
        silence: timedelta = wire.SILENCE,
        limit: timedelta = _LIMIT,
    ) -> None:
        self.credentials = credentials
        self.server = credentials.server
        self.origin = credentials.origin
        """The server as logs and messages name it: a path in its URL may be a secret."""
        self._agent = user_agent
        self._silence = silence
        self._limit = limit
        self._prefix = parse.urlsplit(credentials.server).path
        self._pool: http.Pool | None = None
        self._silent = False
        self._recovery = asyncio.Event()

    async def __aenter__(self) -> Self:
        creds = self.credentials
        tls = await creds.ssl_context()
        self._pool = http.Pool(creds.server, tls, server_name=creds.server_name, proxy=creds.proxy)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def raw(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Body | None = None,
        content_type: str = _PLAIN,
        accept: str = _PLAIN,
    ) -> bytes:
        """One call; the body of a successful answer. Raises KubeError.

        A call that a server did not even begin (429, or 503 with Retry-After) is repeated when it says, a few times. On
        a broken connection only calls that may happen twice are repeated, once.
        """
        target = self._target(path, parameters or {})
        data = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        renew, broken, pauses = False, False, 0
        while True:
            headers = await self._headers(accept, renew=renew)
            if body is not None:
                headers.append(("Content-Type", content_type))
            try:
                return await self._once(method, target, headers, data, fresh=broken)
            except errors.Interrupted:
                if broken or method not in _REPEATABLE:
                    raise
                broken = True
            except errors.Unauthorized:
                if renew:
                    raise
                renew = True
            except errors.ApiError as refusal:
                pauses += 1
                pause = _pause(refusal)
                if pause is None or pauses > _PAUSES:
                    raise
                await asyncio.sleep(pause)

    @asynccontextmanager
    async def stream(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
        """A GET whose answer is read as it comes: each call gives the next bytes, b"" at the end.

        Leaving the block closes the connection. Raises Unreachable when it breaks or is silent for too long, ApiError
        for a refusal.
        """
        async with self._opened(self._target(path, parameters)) as connection:

            async def more() -> bytes:
                try:
                    async with asyncio.timeout(self._silence.total_seconds()):
                        return await connection.read()
                except TimeoutError:
                    silence = self._silence.total_seconds()
                    raise errors.Unreachable(f"{self.origin}: silent for {silence:g} s") from None

            yield more

    async def recovered(self) -> None:
        """Waits until a call is answered after one that was not."""
        await self._recovery.wait()

    def forsake(self, since: float) -> None:
        """Gives up calls and streams that have heard nothing since then (by the loop's clock), and idle connections.

        To be called when a server answers again after a silence: what it was asked before may never be answered. What
        may happen twice is asked again at once, on a new connection; the rest raises Interrupted.
        """
        self._open.forsake(since)

    @property
    def _open(self) -> http.Pool:
        if self._pool is None:
            raise RuntimeError("the client is closed: use it within `async with`")
        return self._pool

    async def _once(
        self, method: str, target: str, headers: list[tuple[str, str]], data: bytes, *, fresh: bool
    ) -> bytes:
        try:
            response = await self._open.call(method, target, headers, data, self._limit, fresh=fresh)
        except errors.Unreachable:
            self._silent = True
            raise
        if self._silent:
            self._silent = False
            self._recovery.set()
            self._recovery = asyncio.Event()
        if response.status >= 300:
            raise _refusal(response, response.body)
        return response.body

    @asynccontextmanager
    async def _opened(self, target: str, *, renew: bool = False) -> AsyncIterator[http.Connection]:
        headers = await self._headers(_PLAIN, renew=renew)
        async with self._open.stream("GET", target, headers, self._limit) as connection:
            status = connection.response.status
            if status < 300:
                yield connection
                return
            if status != 401 or renew:
                raise _refusal(connection.response, await connection.read_all())
        async with self._opened(target, renew=True) as again:
            yield again

    async def _headers(self, accept: str, *, renew: bool) -> list[tuple[str, str]]:
        return [("User-Agent", self._agent), ("Accept", accept), *await self.credentials.headers(renew=renew)]

    def _target(self, path: str, query: Mapping[str, str]) -> str:
        return self._prefix + path + wire.encode_query(query)


def _refusal(response: http.Response, body: bytes) -> errors.ApiError:
    return errors.from_response(response.status, body, response.headers.get(b"retry-after", b"").decode("latin-1"))


def _pause(refusal: errors.ApiError) -> float | None:
    """How long to wait before the call is repeated, in seconds; None if it must not be."""
    if refusal.status not in (429, 503) or refusal.retry_after is None:
        return None
    return refusal.retry_after if refusal.retry_after <= _LONGEST_PAUSE.total_seconds() else None
