"""What the wire brings, in whatever pieces."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from nats.protocol import parser as reference

from libs.common.bus import wire

BLOCKS = st.one_of(
    st.builds(
        lambda subject, reply, payload: b"MSG %b 7 %b%d\r\n%b\r\n" % (subject, reply, len(payload), payload),
        st.sampled_from([b"a", b"a.b.c"]),
        st.sampled_from([b"", b"_INBOX.x "]),
        st.sampled_from([b"", b"x", b"MSG a 7 1\r\n", b"\r\n\r\n", b"y" * 300]),
    ),
    st.builds(
        lambda reply, head, payload: (
            b"HMSG a.b 9 %b%d %d\r\n%b%b\r\n" % (reply, len(head), len(head) + len(payload), head, payload)
        ),
        st.sampled_from([b"", b"_INBOX.x "]),
        st.sampled_from([b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nA: b\r\n\r\n", b"NATS/1.0 408 Timeout\r\n\r\n"]),
        st.sampled_from([b"", b"x", b"PING\r\n", b"z" * 200]),
    ),
    st.sampled_from([b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b"-ERR 'Slow'\r\n"]),
)


class Heard:
    """Stands where the client stands, and writes down what it is told."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.all.append((sid, subject, bytes(reply).strip(), bytes(data), headers))

    async def _process_ping(self) -> None:
        self.all.append("ping")

    async def _process_pong(self) -> None:
        self.all.append("pong")

    async def _process_err(self, error: str) -> None:
        self.all.append(error)


async def _heard(parser: type[reference.Parser], pieces: list[bytes]) -> list[Any]:
    heard = Heard()
    reading = parser(heard)
    for piece in pieces:
        await reading.parse(piece)
    return heard.all


@given(blocks=st.lists(BLOCKS, max_size=8), cuts=st.lists(st.integers(0, 2000), max_size=8))
async def test_messages_come_out_as_from_the_client_s_own_parser(blocks: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(blocks)
    places = sorted({0, len(stream), *(c % (len(stream) + 1) for c in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    assert await _heard(wire.Parser, pieces) == await _heard(reference.Parser, [stream])


def test_a_header_is_one_line_whatever_its_value() -> None:
    head = wire._head({"ce-subject": "a\r\nb ", "traceparent": "00-1"})
    assert head == b"NATS/1.0\r\nce-subject: a  b\r\ntraceparent: 00-1\r\n\r\n"
    assert wire._read(head) == {"ce-subject": "a  b", "traceparent": "00-1"}
