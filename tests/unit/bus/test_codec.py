"""Bytes and headers of messages."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import codec
from libs.common.bus.errors import TooLarge
from libs.common.bus.pull import Place, place
from libs.common.messages import Order, Origin

texts = st.text(max_size=200)


@given(kind=texts, namespace=texts, name=texts, uid=texts)
def test_what_was_encoded_is_decoded(kind: str, namespace: str, name: str, uid: str) -> None:
    message = Origin(kind=kind, namespace=namespace, name=name, uid=uid)
    assert codec.decode(codec.encode(message), {}, Origin) == message


@given(kind=texts)
def test_also_when_compressed(kind: str) -> None:
    message = Origin(kind=kind, name="n", uid="u")
    packed = codec.compress(codec.encode(message))
    assert codec.decode(packed, {codec.ENCODING: codec.ZSTD}, Origin) == message


def test_a_message_of_a_newer_version_is_read() -> None:
    assert codec.decode(b'{"epoch": 3, "seq": 4, "later": true}', {}, Order) == Order(epoch=3, seq=4)


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        pytest.param(b"{", {}, id="no JSON"),
        pytest.param(b"[]", {}, id="another type"),
        pytest.param(b'{"kind": "k", "name": "n"}', {}, id="a field is missing"),
        pytest.param(b"\xff\xfe", {}, id="no UTF-8"),
        pytest.param(b"{}", {codec.ENCODING: "zstd"}, id="says zstd and is not"),
        pytest.param(b"{}", {codec.ENCODING: "gzip"}, id="unknown encoding"),
        pytest.param(b"[" * 100_000, {}, id="nested without end"),
    ],
)
def test_what_cannot_be_decoded_says_so(payload: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(codec.Undecodable):
        codec.decode(payload, headers, Origin)


def test_a_payload_that_expands_beyond_all_measure_is_refused() -> None:
    bomb = zstandard.ZstdCompressor().compress(b" " * (codec.EXPANDED_LIMIT + 1))
    with pytest.raises(codec.Undecodable):
        codec.decode(bomb, {codec.ENCODING: codec.ZSTD}, Origin)


def test_a_payload_of_unknown_size_that_expands_beyond_all_measure_is_refused() -> None:
    stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    bomb = stream.compress(b" " * (codec.EXPANDED_LIMIT + 1)) + stream.flush()
    with pytest.raises(codec.Undecodable):
        codec.decode(bomb, {codec.ENCODING: codec.ZSTD}, Origin)


@pytest.mark.parametrize(
    ("payload", "header", "fits"),
    [(100_000 - 4096, 0, True), (100_000 - 4095, 0, False), (90_000, 5_000, True), (90_000, 6_000, False)],
)
def test_payload_and_headers_together_must_fit(payload: int, header: int, fits: bool) -> None:
    headers = {"k": "v" * header} if header else {}
    if fits:
        codec.check_size("s", b"x" * payload, headers, 100_000)
    else:
        with pytest.raises(TooLarge):
            codec.check_size("s", b"x" * payload, headers, 100_000)


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.WORKS.agent-m1.2.17.5.1795611991927482889.4",
        "$JS.ACK.hub.ACCOUNTHASH.WORKS.agent-m1.2.17.5.1795611991927482889.4.RANDOM",
        "$JS.ACK.hub.ACCOUNTHASH.WORKS.agent-m1.2.17.5.1795611991927482889.4",
    ],
    ids=["v1", "v2", "v2 without token"],
)
def test_the_place_of_a_delivery(reply: str) -> None:
    assert place(reply) == Place(stream_seq=17, consumer_seq=5, pending=4, attempts=2)
