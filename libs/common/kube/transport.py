"""HTTP to one API server: sessions, credentials, and what is done about refusals and broken connections.

Calls and watches have separate connections, so that any number of watches stops no call.
"""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec
import yarl

from libs.common.kube import errors, wire
from libs.common.kube.credentials import Credentials

Body = bytes | dict[str, Any] | list[Any] | msgspec.Struct

_PLAIN = "application/json"
_CONNECTIONS = 64
_CONNECT = 10.0
_CALL = aiohttp.ClientTimeout(total=60, sock_connect=_CONNECT)
_PAUSES = 4
_LARGE: Final = 512 * 1024
_LONGEST_PAUSE: Final = timedelta(seconds=10)
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})


class Transport:
    """Connections to one API server. To be entered with `async with`; `server` is its base URL."""

    def __init__(
        self, credentials: Credentials, *, user_agent: str = "argosy", silence: timedelta = wire.SILENCE
    ) -> None:
        self.credentials = credentials
        self._silence = silence
        self.server = credentials.server
        self._agent = user_agent
        self._sessions: list[aiohttp.ClientSession] = []

    async def __aenter__(self) -> Self:
        tls = await self.credentials.ssl_context()
        self._sessions = [self._session(tls, _CONNECTIONS), self._session(tls, 0)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for session in self._sessions:
            await session.close()
        self._sessions = []

    async def raw(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Body | None = None,
        content_type: str = _PLAIN,
        accept: str = "",
        timeout: timedelta | None = None,
    ) -> bytes:
        """One call; the body of a successful answer. Raises KubeError.

        A call that a server did not even begin (429, or 503 with Retry-After) is repeated when it says, a few times. On
        a broken connection only calls that may happen twice are repeated, once.
        """
        url = self._url(path, parameters or {})
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        limits = _CALL if timeout is None else aiohttp.ClientTimeout(total=timeout.total_seconds(), sock_connect=10)
        renew, broken, pauses = False, 0, 0
        while True:
            headers = await self.credentials.headers(renew=renew)
            if data is not None:
                headers.append(("Content-Type", content_type))
            if accept:
                headers.append(("Accept", accept))
            try:
                return await self._once(method, url, headers, data, limits)
            except errors.Interrupted:
                broken += 1
                if broken > 1 or method not in _REPEATABLE:
                    raise
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

        Leaving the block closes the connection.

        Raises Unreachable when the connection breaks or is silent for too long, ApiError for a refusal.
        """
        url = self._url(path, parameters)
        response = await self._begin(url, renew=False)
        if response.status == 401:
            response.close()
            response = await self._begin(url, renew=True)
        try:
            if response.status >= 400:
                raise await _refusal(response, self.server)

            async def more() -> bytes:
                with network(self.server):
                    return await response.content.readany()

            yield more
        finally:
            response.close()

    async def _begin(self, url: yarl.URL, *, renew: bool) -> aiohttp.ClientResponse:
        headers = await self.credentials.headers(renew=renew)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=self._silence.total_seconds())
        with network(self.server):
            return await self._sessions[1].get(url, headers=headers, timeout=limits, **self._options())

    async def _once(
        self,
        method: str,
        url: yarl.URL,
        headers: list[tuple[str, str]],
        data: bytes | None,
        limits: aiohttp.ClientTimeout,
    ) -> bytes:
        with network(self.server):
            async with self._sessions[0].request(
                method, url, headers=headers, data=_payload(data), timeout=limits, **self._options()
            ) as response:
                if response.status >= 400:
                    raise await _refusal(response, self.server)
                return await response.read()

    def _session(self, tls: ssl.SSLContext | None, connections: int) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=connections, ssl=True if tls is None else tls, keepalive_timeout=30, ttl_dns_cache=60
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._agent, "Accept": _PLAIN},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"allow_redirects": False}
        if self.credentials.proxy:
            options["proxy"] = self.credentials.proxy
        if self.credentials.server_name:
            options["server_hostname"] = self.credentials.server_name
        return options

    def _url(self, path: str, query: Mapping[str, str]) -> yarl.URL:
        return yarl.URL(self.server + path + wire.encode_query(query), encoded=True)


def _payload(data: bytes | None) -> bytes | io.BytesIO | None:
    """Large bodies in parts, or aiohttp writes them in one go and warns of it."""
    return io.BytesIO(data) if data is not None and len(data) > _LARGE else data


@contextmanager
def network(server: str) -> Iterator[None]:
    """Turns what aiohttp and the system raise within the block into errors.Unreachable, with the server's name."""
    try:
        yield
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError) as error:
        raise errors.Unreachable(f"{server}: its certificate or TLS is not accepted: {error}") from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError) as error:
        kind = errors.Unreachable if isinstance(error, aiohttp.ClientConnectorError) else errors.Interrupted
        raise kind(f"{server}: {error or type(error).__name__}") from error
    except TimeoutError as error:
        raise errors.Unreachable(f"{server}: no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise errors.Unreachable(f"{server}: {error or type(error).__name__}") from error


async def _refusal(response: aiohttp.ClientResponse, server: str) -> errors.ApiError:
    with network(server):
        body = await response.read()
    return errors.from_response(response.status, body, response.headers.get("Retry-After"))


def _pause(refusal: errors.ApiError) -> float | None:
    """How long to wait before the call is repeated, in seconds; None if it must not be."""
    if refusal.status not in (429, 503) or refusal.retry_after is None:
        return None
    return refusal.retry_after if refusal.retry_after <= _LONGEST_PAUSE.total_seconds() else None
