"""The connection: it waits for the server, comes back by itself, and says when it was away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Final

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from libs.common import cancellation
from libs.common.bus import metrics, wire
from libs.common.bus.errors import Closed, Unavailable

log = structlog.get_logger()

API_TIMEOUT: Final = timedelta(seconds=5)
_RECONNECT_SECONDS: Final = 0.25
_PING_SECONDS: Final = 10
_DRAIN_LIMIT: Final = timedelta(seconds=5)


class HeedfulClient(wire.Client):
    """A client whose calls never swallow a cancellation."""

    async def request(self, *arguments: Any, **named: Any) -> Msg:
        """As in the client, but while there is no connection it fails before it has noted down a request."""
        if not self.is_connected:
            raise nats.errors.ConnectionReconnectingError
        return await cancellation.heeded(super().request(*arguments, **named))

    async def flush(self, *arguments: Any, **named: Any) -> None:
        """As in the client."""
        await cancellation.heeded(super().flush(*arguments, **named))

    async def _process_pong(self) -> None:
        """As in the client, but the answer to a flush that was given up is no error, which would end the reading."""
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pings_outstanding = 0
            return
        await super()._process_pong()

    def give_up_requests(self) -> None:
        """Fails all requests that wait for an answer: after a cut none will come, and they would wait to their end."""
        for answer in tuple(self._resp_map.values()):
            if not answer.done():
                answer.set_exception(nats.errors.ConnectionReconnectingError())
                answer.exception()  # perhaps nobody waits any more, and that is no reason for a complaint


class Session:
    """One connection to NATS. `lives` counts how often it was made; a reader that sees it change checks its state."""

    def __init__(self, client: HeedfulClient, url: str, on_state: Callable[[bool], None]) -> None:
        self.client = client
        self._on_state = on_state
        self.js: JetStreamContext = client.jetstream(timeout=API_TIMEOUT.total_seconds())
        self.address = _address(url)
        self.lives = 0
        self.closed = asyncio.Event()
        self._connected = asyncio.Event()
        self._cuts: set[Callable[[], None]] = set()

    @property
    def server_id(self) -> str:
        """Identity of the server process that is spoken to; a restarted server has another."""
        return str(self.client._server_info.get("server_id", ""))

    @property
    def is_up(self) -> bool:
        """Whether the connection stands."""
        return self._connected.is_set() and not self.closed.is_set()

    async def up(self) -> None:
        """Waits until the connection stands. Raises Closed if it never will again."""
        if self.closed.is_set():
            raise self._gone()
        await self._connected.wait()
        if self.closed.is_set():
            raise self._gone()

    @contextmanager
    def on_cut(self, react: Callable[[], None]) -> Iterator[None]:
        """Calls `react` whenever the connection is lost, for the time of the block."""
        self._cuts.add(react)
        try:
            yield
        finally:
            self._cuts.discard(react)

    async def until_closed(self) -> None:
        """Ends only by raising Closed."""
        await self.closed.wait()
        raise self._gone()

    def _gone(self) -> Closed:
        return Closed(f"nats-server at {self.address} ended the connection for good: {self.client.last_error}")

    async def connected(self) -> None:
        self.lives += 1
        self._connected.set()
        self._on_state(True)
        if self.lives > 1:
            metrics.RECONNECTS.inc()
            log.info("bus connected again", address=self.address)

    async def disconnected(self) -> None:
        self._connected.clear()
        self._on_state(False)
        self.client.give_up_requests()
        for react in tuple(self._cuts):
            react()

    async def ended(self) -> None:
        self.closed.set()
        self._connected.set()


def _address(url: str) -> str:
    """Where the servers are, to be told to people: what stands before an @ lets in whoever knows it."""
    parts = [part.rpartition("://") for part in url.split(",")]
    return ",".join(f"{scheme}{mark}{rest.rpartition('@')[2]}" for scheme, mark, rest in parts)


async def _report(error: Exception) -> None:
    metrics.CONNECTION_ERRORS.labels(type(error).__name__).inc()
    log.debug("bus connection error", error=str(error) or type(error).__name__)


@asynccontextmanager
async def session(
    url: str, *, name: str, credentials: str, wait: timedelta, on_state: Callable[[bool], None]
) -> AsyncIterator[Session]:
    """A connection for the time of the block.

    Args:
        url: one server, or several separated by commas.
        name: shown in the server's monitoring.
        credentials: path of a `.creds` file; empty for none.
        wait: how long a server may take to answer.
        on_state: told whether the connection stands, whenever that changes.

    Raises:
        Unavailable: no server answered in time, or it has no JetStream.
    """
    client = HeedfulClient()
    made = Session(client, url, on_state)
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await client.connect(
                servers=url.split(","),
                name=name,
                error_cb=_report,
                reconnected_cb=made.connected,
                disconnected_cb=made.disconnected,
                closed_cb=made.ended,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_RECONNECT_SECONDS,  # type: ignore[arg-type]
                ping_interval=_PING_SECONDS,
                # state that cannot be sent now is better built anew later than sent late
                pending_size=0,
                user_credentials=credentials or None,
            )
    except TimeoutError:
        await client.close()
        limit = wait.total_seconds()
        raise Unavailable(
            f"no nats-server answered at {made.address} within {limit:.0f} s; is it running, is the URL right?"
        ) from None
    try:
        await made.connected()
        await _check_jetstream(made)
        yield made
    finally:
        await _drain(made)


async def _check_jetstream(made: Session) -> None:
    try:
        await made.js.account_info()
    except nats.errors.Error as error:
        raise Unavailable(
            f"nats-server at {made.address} has no JetStream (start it with a jetstream block): {error}"
        ) from error


async def _drain(made: Session) -> None:
    client = made.client
    if client.is_closed:
        return
    try:
        async with asyncio.timeout(_DRAIN_LIMIT.total_seconds()):
            if client.is_connected:
                await client.flush()
    except (TimeoutError, nats.errors.Error) as error:
        log.warning("bus not flushed at the end", error=str(error))
    await client.close()
