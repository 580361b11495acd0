"""The way of a message between callers and the socket, leaner than nats-py's own.

Half of the CPU of a small message went into its checks, its regular expressions and the tasks between publisher,
flusher, reader and callback (docs/performance.md). Here all that is published in one turn of the loop leaves in one
write, and what comes in is handed over by the reader itself. Connecting, coming back, subscribing, requests, TLS and
the rest of the protocol are nats-py's.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import nats.aio.client
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.protocol import parser

_CRLF: Final = b"\r\n"
_HEADERS: Final = b"NATS/1.0\r\n"
_MESSAGES: Final = (b"MSG ", b"HMSG ")

Take = Callable[[Msg], None]


class Parser(parser.Parser):
    """Takes out whole messages; all other lines are left to nats-py's parser."""

    async def parse(self, data: bytes = b"") -> None:
        """Takes the next bytes of the connection."""
        buffer = self.buf
        buffer += data
        if self.state == parser.AWAITING_CONTROL_LINE:
            await self._messages(buffer)
        if buffer and not (buffer.startswith(_MESSAGES) and self.state == parser.AWAITING_CONTROL_LINE):
            await super().parse()

    async def _messages(self, buffer: bytearray) -> None:
        at = 0
        try:
            while buffer.startswith(_MESSAGES, at):
                end = buffer.find(_CRLF, at)
                if end < 0:
                    return
                line = bytes(buffer[at:end]).split()
                size = int(line[-1])
                begin, after = end + 2, end + 2 + size
                if len(buffer) < after + 2:
                    return
                # HMSG subject sid [reply] head size; MSG subject sid [reply] size
                head = int(line[-2]) if line[0] == b"HMSG" else 0
                reply = line[3] if len(line) == (6 if head else 5) else b""
                headers = bytes(buffer[begin : begin + head]) if head else None
                at = after + 2
                await self.nc._process_msg(int(line[2]), line[1], reply, bytes(buffer[begin + head : after]), headers)
        except (ValueError, IndexError) as error:
            raise nats.errors.ProtocolError("nats: malformed MSG") from error
        finally:
            del buffer[:at]


class Client(nats.aio.client.Client):
    """A client with a short way out, and a short way in for those who subscribe by `listen`."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = Parser(self)
        self._listeners: dict[int, Take] = {}
        self._leaves_soon = False

    def send(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Publishes: the message leaves at the end of this turn of the loop, together with all others.

        Subjects are taken as they are. Raises the client's errors, as `publish` does.
        """
        if self.is_closed:
            raise nats.errors.ConnectionClosedError
        if self.is_draining_pubs:
            raise nats.errors.ConnectionDrainingError
        if not self.is_connected:
            raise nats.errors.OutboundBufferLimitError
        if len(payload) > self.max_payload:
            raise nats.errors.MaxPayloadError
        if headers:
            head = _head(headers)
            sizes = f"HPUB {subject} {reply} {len(head)} {len(head) + len(payload)}\r\n"
            command = b"".join((sizes.encode(), head, payload, _CRLF))
        else:
            command = b"".join((f"PUB {subject} {reply} {len(payload)}\r\n".encode(), payload, _CRLF))
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(payload)
        self._pending.append(command)
        self._pending_data_size += len(command)
        if not self._leaves_soon:
            self._leaves_soon = True
            asyncio.get_running_loop().call_soon(self._leave)

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """As in the client, by `send`."""
        self.send(subject, payload, reply, headers)

    async def listen(self, subject: str, take: Take) -> Subscription:
        """Calls `take` (sync and quick) with each message, straight from the reader. Nothing is ever dropped."""

        async def taken(message: Msg) -> None:
            take(message)

        subscription = await self.subscribe(subject, cb=taken, pending_msgs_limit=-1, pending_bytes_limit=-1)
        self._listeners[subscription._id] = take
        return subscription

    async def flush(self, *arguments: Any, **named: Any) -> None:
        """As in the client; what was sent before has left when it asks."""
        self._leave()
        await super().flush(*arguments, **named)

    def _leave(self) -> None:
        self._leaves_soon = False
        if self._pending and self.is_connected and self._transport is not None:
            pieces, self._pending, self._pending_data_size = self._pending, [], 0
            self._transport.write(b"".join(pieces))

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        take = self._listeners.get(sid)
        if take is None:
            await super()._process_msg(sid, subject, reply, data, headers or b"")
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        if headers is None:
            found = None
        elif headers.startswith(_HEADERS):
            found = _read(headers)
        else:  # a status in the first line
            found = await self._process_headers(headers)
        try:
            take(Msg(_client=self, subject=subject.decode(), reply=reply.decode(), data=data, headers=found, _sid=sid))
        except Exception as error:  # noqa: BLE001 - as for the client's own callbacks
            await self._error_cb(error)

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._listeners.pop(sid, None)
        super()._remove_sub(sid, max_msgs)


def _head(headers: Mapping[str, str]) -> bytes:
    lines = [f"{_key(key)}: {_line(value)}\r\n" for key, value in headers.items()]
    return b"".join((_HEADERS, "".join(lines).encode(), _CRLF))


@lru_cache(maxsize=1024)
def _key(key: str) -> str:
    if not nats.aio.client._HEADER_KEY_RE.fullmatch(key):
        raise nats.errors.BadHeaderError(key)
    return key


def _line(value: str) -> str:
    """A header's value: what would end the line becomes a space."""
    return value.strip() if value.isprintable() else value.strip().replace("\r", " ").replace("\n", " ")


def _read(headers: bytes) -> dict[str, str] | None:
    found = {}
    for line in headers[len(_HEADERS) :].decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            found[key.strip()] = value.strip()
    return found or None
