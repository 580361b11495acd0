"""What an informer does about servers that behave, and about those that do not."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from libs.common.api.meta import PartialObject
from libs.common.backoff import Backoff
from libs.common.kube import errors, resources
from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey
from tests.stories.kube import scripted
from tests.stories.kube.scripted import Chunks, Raw, bookmark, event, initial, item, listing, refusal

QUICK = Backoff(first=timedelta(milliseconds=10), limit=timedelta(milliseconds=20))


class Watcher:
    """An informer that runs, and what it told."""

    def __init__(self, api: Client, lifetime: timedelta, backoff: Backoff = QUICK) -> None:
        self.api = api
        self.told: list[tuple[str, str, str]] = []
        self.raws: list[bytes] = []
        self.informer: Informer[PartialObject] = Informer(
            api,
            resources.CONFIG_MAPS,
            decode=msgspec.json.Decoder(PartialObject).decode,
            on_change=self._tell,
            backoff=backoff,
            lifetime=lifetime,
        )

    def _tell(self, change: Change[PartialObject]) -> None:
        old, new = (state.metadata.resource_version if state else "-" for state in (change.old, change.new))
        self.told.append((change.key.name, old, new))
        self.raws.append(change.raw)

    @property
    def cache(self) -> dict[str, str]:
        return {key.name: each.metadata.resource_version for key, each in self.informer.cache.items()}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_cache(self, **versions: str) -> None:
        await self.until(lambda: self.cache == versions)


@asynccontextmanager
async def watching(
    server: scripted.Server,
    *,
    silence: timedelta = timedelta(seconds=70),
    lifetime: timedelta = timedelta(minutes=5),
    backoff: Backoff = QUICK,
) -> AsyncIterator[Watcher]:
    async with Client(Credentials(server=server.url, token="T"), silence=silence) as api, asyncio.TaskGroup() as tasks:
        watcher = Watcher(api, lifetime, backoff)
        task = tasks.create_task(watcher.informer.run())
        yield watcher
        task.cancel()


async def test_the_first_read_is_a_watch_that_begins_with_what_is_there() -> None:
    async with scripted.serving(Chunks(initial(7, item("a", 3), item("b", 5)))) as server, watching(server) as w:
        await w.informer.synced.wait()
        assert (w.cache, w.informer.resource_version) == ({"a": "3", "b": "5"}, "7")
        assert server.requests[0].query == {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "timeoutSeconds": server.requests[0].query["timeoutSeconds"],
        }


async def test_a_server_that_knows_no_such_watch_is_asked_for_a_list_in_pages() -> None:
    pages = [refusal(422, "Invalid"), listing(9, item("a", 3), more="c1"), listing(9, item("b", 5))]
    async with scripted.serving(*pages, Chunks(())) as server, watching(server) as w:
        await w.informer.synced.wait()
        await server.asked(4)
        assert w.cache == {"a": "3", "b": "5"}
        assert [r.query.get("continue") for r in server.requests[1:3]] == [None, "c1"]
        assert (server.requests[3].query["watch"], server.requests[3].query["resourceVersion"]) == ("true", "9")


async def test_objects_of_a_list_get_their_kind() -> None:
    script = [refusal(400, "BadRequest"), listing(9, item("a", 3)), Chunks(())]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.informer.synced.wait()
        assert json.loads(w.raws[0])["kind"] == "ConfigMap"


async def test_a_server_that_never_ends_its_initial_events_is_asked_for_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.kube.informer._FIRST_OBJECTS", timedelta(seconds=0.05))
    script = [Chunks((event("ADDED", item("a", 3)),)), listing(9, item("a", 3)), Chunks(())]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.informer.synced.wait()
        assert (w.cache, w.informer.resource_version) == ({"a": "3"}, "9")


async def test_changes_come_in_order() -> None:
    changes = (event("MODIFIED", item("a", 8)), event("ADDED", item("b", 9)), event("DELETED", item("a", 10)))
    async with scripted.serving(Chunks((*initial(7, item("a", 3)), *changes))) as server, watching(server) as w:
        await w.until_cache(b="9")
        assert w.told == [("a", "-", "3"), ("a", "3", "8"), ("b", "-", "9"), ("a", "8", "-")]
        assert json.loads(w.raws[-1])["metadata"]["resourceVersion"] == "10"


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_a_broken_watch_goes_on_where_it_was(then: str) -> None:
    first = Chunks((*initial(7, item("a", 3)), event("MODIFIED", item("a", 8))), then)
    script = [first, listing(8, item("a", 8)), Chunks((event("MODIFIED", item("a", 9)),))]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until_cache(a="9")
        assert server.requests[-1].query["resourceVersion"] == "8"
        assert [new for _, _, new in w.told] == ["3", "8", "9"]


async def test_a_bookmark_moves_the_place_to_go_on() -> None:
    script = [Chunks((*initial(7), bookmark(500)), "end"), listing(500), Chunks((event("ADDED", item("a", 501)),))]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until_cache(a="501")
        assert server.requests[-1].query["resourceVersion"] == "500"


async def test_a_watch_that_ends_in_time_goes_on_at_once() -> None:
    script = [Chunks(initial(7), "end"), Chunks((event("ADDED", item("a", 8)),))]
    async with scripted.serving(*script) as server, watching(server, lifetime=timedelta()) as w:
        await w.until_cache(a="8")
        assert [r.query.get("watch") for r in server.requests] == ["true", "true"]


ALL = listing(9, item("a", 3), item("b", 4))
TOO_OLD = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            [Chunks((*initial(7, item("a", 3), item("b", 4)), event("ERROR", TOO_OLD)), "end")], id="in-the-stream"
        ),
        pytest.param(
            [Chunks(initial(7, item("a", 3), item("b", 4)), "cut"), ALL, refusal(410, "Expired")], id="as-answer"
        ),
    ],
)
async def test_a_version_that_is_too_old_means_reading_all_again(broken: list[scripted.Answer]) -> None:
    async with scripted.serving(*broken, Chunks(initial(30, item("a", 20)))) as server, watching(server) as w:
        await w.until_cache(a="20")
        assert w.told[2:] == [("a", "3", "20"), ("b", "4", "-")]
        assert w.raws[-1] == b""


async def test_versions_that_went_back_mean_reading_all_again() -> None:
    script = [
        Chunks(initial(700, item("a", 650), item("b", 690)), "cut"),
        listing(40, item("a", 30)),
        Chunks(initial(40, item("a", 30))),
    ]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until_cache(a="30")
        assert w.told[2:] == [("a", "650", "30"), ("b", "690", "-")]


async def test_a_large_kind_with_the_same_history_is_not_read_again() -> None:
    objects = [item(f"o{n}", n) for n in range(1, 6)]
    script = [
        Chunks(initial(700, *objects), "cut"),
        listing(705, item("o1", 1), item("o2", 703), item("o3", 3), more="c"),
        Chunks((event("MODIFIED", item("o2", 703)),)),
    ]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until(lambda: w.cache.get("o2") == "703")
        assert (len(w.cache), server.requests[2].query["resourceVersion"]) == (5, "700")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param([item("o1", 1), item("o2", 699)], id="a-version-we-should-have-seen"),
        pytest.param([item("o1", 1), item("new", 50)], id="an-object-we-should-have-seen"),
        pytest.param([{"metadata": {"namespace": "ns", "name": "o1", "resourceVersion": "1", "uid": "x"}}], id="uid"),
    ],
)
async def test_a_large_kind_with_another_history_is_read_again(page: list[dict[str, object]]) -> None:
    objects = [item(f"o{n}", n) for n in range(1, 6)]
    script = [Chunks(initial(700, *objects), "cut"), listing(705, *page, more="c"), Chunks(initial(705, *page))]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until(lambda: len(w.cache) == len(page))
        assert server.requests[2].query["sendInitialEvents"] == "true"


async def test_a_wiped_server_that_counts_to_the_same_versions_is_believed() -> None:
    successor = {"metadata": {"namespace": "ns", "name": "a", "resourceVersion": "3", "uid": "another"}}
    script = [Chunks(initial(7, item("a", 3), item("b", 5)), "cut"), listing(7, successor), Chunks(())]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until(lambda: len(w.told) == 4)
        assert w.told[2:] == [("a", "3", "3"), ("b", "5", "-")]


async def test_a_bookmark_that_went_back_means_reading_all_again() -> None:
    script = [Chunks((*initial(700, item("a", 650)), bookmark(40))), Chunks(initial(41, item("a", 30)))]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until_cache(a="30")


async def test_a_version_in_the_servers_future_means_reading_all_again() -> None:
    future = {
        "kind": "Status",
        "code": 504,
        "reason": "Timeout",
        "message": "Too large resource version: 700, current: 5",
    }
    script = [
        Chunks(initial(700, item("a", 650)), "cut"),
        listing(700, item("a", 650)),
        scripted.Reply(504, json.dumps(future).encode()),
        Chunks(initial(5, item("a", 4))),
    ]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until_cache(a="4")


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(Raw(b"SSH-2.0-OpenSSH_9.6\r\n"), id="no-http"),
        pytest.param(Raw(b""), id="nothing"),
        pytest.param(scripted.Reply(502, b"<html>Bad Gateway</html>"), id="html"),
        pytest.param(Chunks((b"<html>\n",), "end"), id="html-as-watch"),
        pytest.param(Chunks((b'{"type":"ADDED","object":{"metadata":{"name":"b","resour',), "cut"), id="cut-off-line"),
        pytest.param(Chunks((b'{"type":"ADDED","object":{"meta\xff":1}}\n',), "end"), id="bad-utf-8"),
        pytest.param(refusal(500, "InternalError"), id="500"),
        pytest.param(refusal(403, "Forbidden"), id="403"),
        pytest.param(refusal(404, "NotFound"), id="404"),
    ],
)
async def test_garbage_and_refusals_lose_nothing(garbage: scripted.Answer) -> None:
    script = [
        Chunks(initial(7, item("a", 3)), "cut"),
        listing(7, item("a", 3)),
        garbage,
        listing(7, item("a", 3)),
        Chunks((event("MODIFIED", item("a", 8)),)),
    ]
    async with scripted.serving(*script) as server, watching(server) as w:
        await w.until_cache(a="8")
        assert w.told == [("a", "-", "3"), ("a", "3", "8")]


async def test_a_server_that_asks_for_patience_gets_it() -> None:
    script = [refusal(429, "TooManyRequests", Retry_After="1"), Chunks(initial(7, item("a", 3)))]
    async with scripted.serving(*script) as server, watching(server) as w:
        began = asyncio.get_running_loop().time()
        await w.until_cache(a="3")
        assert asyncio.get_running_loop().time() - began >= 1


async def test_silence_is_not_trusted() -> None:
    script = [Chunks(initial(7, item("a", 3))), listing(7, item("a", 3)), Chunks((event("MODIFIED", item("a", 8)),))]
    async with scripted.serving(*script) as server, watching(server, silence=timedelta(seconds=0.1)) as w:
        await w.until_cache(a="8")


async def test_an_object_that_cannot_be_decoded_stops_no_other() -> None:
    odd = {**item("odd", 8), "kind": ["no", "text"]}
    script = Chunks((*initial(7, item("odd", 3)), event("MODIFIED", odd), event("ADDED", item("a", 9))))
    async with scripted.serving(script) as server, watching(server) as w:
        await w.until_cache(a="9", odd="3")


async def test_objects_of_some_megabytes_in_small_chunks() -> None:
    line = event("ADDED", item("big", 8, data={"k": "x" * 3_000_000}))
    chunks = tuple(line[i : i + 50_001] for i in range(0, len(line), 50_001))
    async with scripted.serving(Chunks((*initial(7), *chunks))) as server, watching(server) as w:
        await w.until_cache(big="8")
        assert len(w.raws[0]) > 3_000_000


async def test_many_events_in_one_chunk() -> None:
    lines = b"".join(event("ADDED", item(f"o{n}", n)) for n in range(8, 5008))
    async with scripted.serving(Chunks((*initial(7), lines))) as server, watching(server) as w:
        await w.until(lambda: len(w.cache) == 5000)


async def test_our_own_write_is_told_once() -> None:
    async with scripted.serving(Chunks(initial(7))) as server, watching(server) as w:
        await w.informer.synced.wait()
        w.informer.observe(json.dumps(item("a", 8)).encode())
        w.informer.forget(ObjectKey("ns", "a"), "9")
        assert w.told == [("a", "-", "8"), ("a", "8", "-")]


async def test_a_server_that_answers_again_is_watched_at_once_however_long_it_was_away() -> None:
    patient = Backoff(first=timedelta(minutes=10), limit=timedelta(minutes=10))
    cut, back = Raw(b""), scripted.Reply()
    answers = (Chunks(initial(7, item("a", 3)), "hold"), cut, cut, back, listing(9, item("a", 8)), Chunks(()))
    async with scripted.serving(*answers) as server, watching(server, backoff=patient) as w:
        await w.informer.synced.wait()
        server.cut()
        await asyncio.sleep(0.05)
        with pytest.raises(errors.Unreachable):
            await w.api.get(resources.CONFIG_MAPS, ObjectKey("ns", "x"))
        await w.api.get(resources.CONFIG_MAPS, ObjectKey("ns", "x"))
        await w.until_cache(a="8")
