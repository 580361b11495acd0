"""What a state reader sees, whatever happens to server and stream."""

import asyncio

from libs.common import bus
from libs.common.messages import Origin
from libs.common.names import OriginKey
from libs.common.subjects import WORKS
from tests.contract.bus.conftest import Reader, running, until


def said(name: str) -> Origin:
    return Origin(kind="ResourceBinding", name=name, uid="u")


async def test_a_reader_gets_what_was_there_and_what_comes(made: bus.Bus) -> None:
    a, b = (made.subjects.work("m1", OriginKey("ns", n)) for n in "ab")
    await made.publish(a, said("a1"))
    await made.publish(a, said("a2"))
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await asyncio.wait_for(reader.caught_up.wait(), 5)
        assert reader.state == {a: said("a2")}
        await made.publish(b, said("b1"))
        await until(lambda: len(reader.state) == 2)
    assert reader.replays == 1


async def test_an_empty_stream_is_caught_up_at_once(made: bus.Bus) -> None:
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await asyncio.wait_for(reader.caught_up.wait(), 2)
    assert reader.state == {}


async def test_a_reader_that_starts_again_gets_everything_again(made: bus.Bus) -> None:
    for name in "abc":
        await made.publish(made.subjects.work("m1", OriginKey("ns", name)), said(name))
    for _ in range(2):
        reader = Reader(Origin)
        async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
            await asyncio.wait_for(reader.caught_up.wait(), 5)
        assert len(reader.state) == 3


async def test_more_messages_than_one_pull_brings_arrive_in_order(made: bus.Bus) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(3000):
            subject = made.subjects.work("m1", OriginKey("ns", f"b{number}"))
            tasks.create_task(made.publish(subject, said(f"b{number}")))
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await asyncio.wait_for(reader.caught_up.wait(), 20)
    assert reader.order == list(range(1, 3001))


async def test_an_agent_waits_for_the_consumer_that_the_hub_makes(made: bus.Bus) -> None:
    await made.publish(made.subjects.work("m1", OriginKey("ns", "a")), said("mine"))
    await made.publish(made.subjects.work("m2", OriginKey("ns", "a")), said("not mine"))
    reader = Reader(Origin)
    follow = reader.follow(made, WORKS, [], consumer=bus.agent_consumer("m1"), create=False)
    async with running(follow):
        await asyncio.sleep(0)
        assert not reader.caught_up.is_set()
        await made.create_agent_consumer("m1")
        await asyncio.wait_for(reader.caught_up.wait(), 10)
    assert list(reader.state.values()) == [said("mine")]


async def test_a_stream_made_anew_is_read_from_its_beginning(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", OriginKey("ns", "a"))
    await made.publish(subject, said("old"))
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await until(lambda: reader.replays == 1 and reader.caught_up.is_set())
        await made._session.js.delete_stream(made._stream(WORKS))
        await made.ensure_streams()
        await until(lambda: reader.replays == 2 and reader.caught_up.is_set())
        assert reader.state == {}
        await made.publish(subject, said("new"))
        await until(lambda: reader.state == {subject: said("new")})


async def test_a_consumer_deleted_by_someone_is_made_again_without_forgetting(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", OriginKey("ns", "a"))
    await made.publish(subject, said("1"))
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await until(lambda: bool(reader.state) and reader.caught_up.is_set())
        (consumer,) = await made._session.js.consumers_info(made._stream(WORKS))
        await made._session.js.delete_consumer(made._stream(WORKS), consumer.name)
        await made.publish(subject, said("2"))
        await until(lambda: reader.state == {subject: said("2")})
    assert reader.replays == 1


async def test_two_readers_of_one_name_do_not_take_from_each_other(made: bus.Bus) -> None:
    first, second = Reader(Origin), Reader(Origin)
    filters = [made.subjects.all("work")]
    async with running(first.follow(made, WORKS, filters), second.follow(made, WORKS, filters)):
        for number in range(20):
            await made.publish(made.subjects.work("m1", OriginKey("ns", f"b{number}")), said("x"))
        await until(lambda: len(first.state) == 20 and len(second.state) == 20)


async def test_what_is_purged_during_the_replay_does_not_hold_it_up(made: bus.Bus) -> None:
    subject = made.subjects.work("m1", OriginKey("ns", "a"))
    seq = await made.publish(subject, said("1"))
    await made.purge(WORKS, subject, up_to_seq=seq)
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await asyncio.wait_for(reader.caught_up.wait(), 5)


async def test_a_reader_that_raises_is_not_stopped(made: bus.Bus) -> None:
    a, b = (made.subjects.work("m1", OriginKey("ns", n)) for n in "ab")

    class Picky(Reader):
        def on_message(self, delivery: bus.Delivery[Origin]) -> None:
            if delivery.subject == a:
                raise KeyError("not this one")
            super().on_message(delivery)

    reader = Picky(Origin)
    await made.publish(a, said("a"))
    await made.publish(b, said("b"))
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await until(lambda: b in reader.state)


async def test_a_reader_leaves_no_consumer_behind(made: bus.Bus) -> None:
    reader = Reader(Origin)
    async with running(reader.follow(made, WORKS, [made.subjects.all("work")])):
        await asyncio.wait_for(reader.caught_up.wait(), 5)
    await made.round_trip()
    assert await made._session.js.consumers_info(made._stream(WORKS)) == []
