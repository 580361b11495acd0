"""What a publisher is told."""

import asyncio
import base64
import hashlib
from datetime import timedelta

import pytest

from libs.common import bus
from libs.common.bus import codec
from libs.common.messages import Origin
from libs.common.names import OriginKey
from libs.common.subjects import DEAD, STATUS, WORKS
from tests.contract.bus.conftest import Reader, running, until

KEY = OriginKey("ns", "a")


def said(name: str) -> Origin:
    return Origin(kind="ResourceBinding", name=name, uid="u")


async def test_sequences_rise(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    assert [await made.publish(subject, said("x")) for _ in range(2)] == [1, 2]


async def test_the_expected_sequence_lets_one_of_two_writers_through(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    seq = await made.publish(subject, said("1"), expected_seq=0)
    await made.publish(subject, said("2"), expected_seq=seq)
    with pytest.raises(bus.Overtaken):
        await made.publish(subject, said("late"), expected_seq=seq)
    kept = await made.last(WORKS, subject, Origin)
    assert kept is not None
    assert kept.message == said("2")


async def test_a_subject_that_was_purged_expects_zero(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    seq = await made.publish(subject, said("1"))
    await made.purge(WORKS, subject, up_to_seq=seq)
    assert await made.publish(subject, said("2"), expected_seq=0) == seq + 1


async def test_a_purge_spares_what_came_after(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    seq = await made.publish(subject, said("1"))
    await made.publish(subject, said("2"))
    await made.purge(WORKS, subject, up_to_seq=seq)
    kept = await made.last(WORKS, subject, Origin)
    assert kept is not None
    assert kept.message == said("2")


async def test_no_last_message(made: bus.Bus) -> None:
    assert await made.last(WORKS, made.subjects.work("m1", KEY), Origin) is None


async def test_a_subject_of_no_stream_is_told_at_once(made: bus.Bus) -> None:
    async with asyncio.timeout(1):
        with pytest.raises(bus.Unavailable, match="no stream takes"):
            await made.publish(f"{made.subjects.prefix}.nobody", said("x"))


async def test_what_is_too_large_is_refused_and_the_connection_lives(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    with pytest.raises(bus.TooLarge, match="max_payload"):
        await made.publish(subject, said(_noise(12_000_000)))
    assert await made.publish(subject, said("small")) == 1


async def test_headers_count_too(made: bus.Bus) -> None:
    with pytest.raises(bus.TooLarge):
        await made.publish(made.subjects.work("m1", KEY), said("x"), headers={"X": "y" * 9_000_000})


async def test_an_object_as_large_as_the_hub_takes_passes_and_comes_back_equal(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    large = said(_noise(1_600_000))
    await made.publish(subject, large)
    kept = await made.last(WORKS, subject, Origin)
    assert kept is not None
    assert kept.headers[codec.ENCODING] == codec.ZSTD
    assert kept.message == large


async def test_the_trace_context_travels(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", KEY)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await made.publish(subject, said("x"), traceparent=parent)
    kept = await made.last(WORKS, subject, Origin)
    assert kept is not None
    assert kept.traceparent == parent


async def test_a_malformed_message_is_kept_aside_and_the_next_one_read(made: bus.Bus) -> None:
    a, b = (made.subjects.status("m1", OriginKey("ns", n)) for n in "ab")
    await made._session.js.publish(a, b"{not json")
    await made.publish(b, said("good"))
    reader = Reader(Origin)
    async with running(reader.follow(made, STATUS, [made.subjects.all("status")])):
        await until(lambda: b in reader.state)
    async with asyncio.timeout(5):
        while not (await made.stream_info(DEAD)).messages:
            await asyncio.sleep(0.01)
    kept = await made._session.js.get_last_msg(made._stream(DEAD), made.subjects.dead(a))
    assert kept.data == b"{not json"
    assert kept.headers is not None
    assert "Origin" in kept.headers["Argosy-Reason"]


async def test_a_malformed_message_too_large_to_be_kept_aside_does_not_cost_the_connection(made: bus.Bus) -> None:
    a, b = (made.subjects.status("m1", OriginKey("ns", n)) for n in "ab")
    await made._session.js.publish(a, b"{" * (made._session.client.max_payload - 10))
    await made.publish(b, said("good"))
    reader = Reader(Origin)
    async with running(reader.follow(made, STATUS, [made.subjects.all("status")])):
        await until(lambda: b in reader.state)
        await made.round_trip()
    assert await made.publish(b, said("still here")) == 3


async def test_nobody_at_home_is_told_with_what_to_do() -> None:
    with pytest.raises(bus.Unavailable, match="no nats-server answered"):
        async with bus.connect("nats://127.0.0.1:1", name="test", wait=timedelta(milliseconds=300)):
            pass


def _noise(size: int) -> str:
    """Text that does not compress below three quarters, the same every time."""
    return base64.b64encode(hashlib.shake_256(b"noise").digest(size * 3 // 4)).decode()
