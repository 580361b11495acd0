"""Get, list, watch, in all forms."""

from typing import Any

import msgspec
import pytest

from libs.sandbox import store
from libs.sandbox.serving import watches
from libs.sandbox.serving.wire import Request
from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture
def server() -> Api:
    made = Api()
    for number, name in enumerate("abcde"):
        body = api.config_map(name)
        body["metadata"]["labels"] = {"number": str(number), "odd": str(bool(number % 2)).lower()}
        made.done("POST", api.CONFIG_MAPS, body)
    return made


def names(body: dict[str, Any]) -> str:
    """The names of a list's items in a row."""
    return "".join(item["metadata"]["name"] for item in body["items"])


SELECTIONS: list[tuple[dict[str, str], str]] = [
    ({}, "abcde"),
    ({"labelSelector": "odd=true"}, "bd"),
    ({"labelSelector": "odd!=true,number in (0, 4)"}, "ae"),
    ({"labelSelector": "number notin (0,1),odd"}, "cde"),
    ({"labelSelector": "!odd"}, ""),
    ({"labelSelector": "number>2"}, "de"),
    ({"fieldSelector": "metadata.name=c"}, "c"),
    ({"fieldSelector": "metadata.name!=c,metadata.namespace=default"}, "abde"),
]


@pytest.mark.parametrize(("query", "wanted"), SELECTIONS)
def test_selectors(server: Api, query: dict[str, str], wanted: str) -> None:
    assert names(server.done("GET", api.CONFIG_MAPS, **query)) == wanted


@pytest.mark.parametrize("query", [{"labelSelector": "a b"}, {"fieldSelector": "data.x=1"}, {"resourceVersion": "x"}])
def test_selectors_that_make_no_sense(server: Api, query: dict[str, str]) -> None:
    assert server.ask("GET", api.CONFIG_MAPS, **query).code == 400


def test_pages_show_one_moment(server: Api) -> None:
    first = server.done("GET", api.CONFIG_MAPS, limit="2")
    server.done("DELETE", f"{api.CONFIG_MAPS}/c")
    token = first["metadata"]["continue"]
    second = server.done("GET", api.CONFIG_MAPS, **{"limit": "2", "continue": token})
    assert (names(first), names(second), first["metadata"]["remainingItemCount"]) == ("ab", "cd", 3)
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    last = server.done("GET", api.CONFIG_MAPS, **{"limit": "2", "continue": second["metadata"]["continue"]})
    assert (names(last), "continue" in last["metadata"]) == ("e", False)


def test_a_version_of_the_future(server: Api) -> None:
    answer = server.ask("GET", api.CONFIG_MAPS, resourceVersion="999999")
    assert (answer.code, answer.body["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")


def test_a_table(server: Api) -> None:
    body = server.done("GET", api.CONFIG_MAPS, accept=TABLE)
    assert [each["name"] for each in body["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert body["rows"][0]["cells"][:2] == ["a", 0]
    assert body["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_a_table_of_a_custom_kind(server: Api) -> None:
    ready = {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1}, ready]
    server.done("POST", api.DEFINITIONS, api.definition(additionalPrinterColumns=columns))
    server.done("POST", api.FOOS, {**api.foo(size=3), "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    body = server.done("GET", api.FOOS, accept=TABLE)
    assert body["rows"][0]["cells"] == ["x", 3, "True"]
    assert [each["priority"] for each in body["columnDefinitions"]] == [0, 1, 0]


def test_metadata_alone(server: Api) -> None:
    body = server.done("GET", api.CONFIG_MAPS, accept=PARTIAL)
    assert (body["kind"], "data" in body["items"][0]) == ("PartialObjectMetadataList", False)


class Watched:
    """A watch, and what it has sent."""

    def __init__(self, server: Api, accept: str = "application/json", **query: str) -> None:
        self.ended = False
        self._sent: list[bytes] = []
        headers = {"authorization": f"Bearer {api.TOKEN}", "accept": accept}
        query = {"watch": "true", **query}
        self._watch = server.server.handle(Request(method="GET", path=api.CONFIG_MAPS, query=query, headers=headers))
        assert isinstance(self._watch, watches.Watch)
        self._watch.open(self._sent.append, self._end)

    def _end(self) -> None:
        self.ended = True
        self._watch.closed()  # type: ignore[union-attr]

    @property
    def events(self) -> list[Any]:
        """The events so far."""
        return [msgspec.json.decode(line) for line in b"".join(self._sent).splitlines()]

    @property
    def told(self) -> str:
        """Types and names in a row."""
        return " ".join(f"{each['type']}:{each['object']['metadata'].get('name', '')}" for each in self.events)


async def test_a_watch_from_a_version(server: Api) -> None:
    watched = Watched(server, resourceVersion=str(server.cluster.version))
    server.done("POST", api.CONFIG_MAPS, api.config_map("f"))
    server.done("DELETE", f"{api.CONFIG_MAPS}/a")
    assert watched.told == "ADDED:f DELETED:a"
    assert int(watched.events[1]["object"]["metadata"]["resourceVersion"]) == server.cluster.version


async def test_a_watch_catches_up(server: Api) -> None:
    version = server.cluster.version
    server.done("DELETE", f"{api.CONFIG_MAPS}/a")
    assert Watched(server, resourceVersion=str(version)).told == "DELETED:a"


async def test_a_watch_from_the_beginning(server: Api) -> None:
    assert Watched(server).told == " ".join(f"ADDED:{name}" for name in "abcde")


async def test_initial_events_end_with_a_bookmark(server: Api) -> None:
    asked = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    last = Watched(server, **asked).events[-1]
    meta = last["object"]["metadata"]
    assert (last["type"], meta["annotations"]) == ("BOOKMARK", {"k8s.io/initial-events-end": "true"})
    assert meta["resourceVersion"] == str(server.cluster.version)


async def test_initial_events_need_a_match(server: Api) -> None:
    assert server.ask("GET", api.CONFIG_MAPS, watch="true", sendInitialEvents="true").code == 422


async def test_what_a_selector_takes_no_more_is_deleted_for_it(server: Api) -> None:
    watched = Watched(server, labelSelector="odd=true", resourceVersion=str(server.cluster.version))
    server.done("PATCH", f"{api.CONFIG_MAPS}/b", {"metadata": {"labels": {"odd": "no"}}}, kind=api.MERGE)
    server.done("PATCH", f"{api.CONFIG_MAPS}/a", {"metadata": {"labels": {"odd": "true"}}}, kind=api.MERGE)
    assert watched.told == "DELETED:b ADDED:a"
    meta = watched.events[0]["object"]["metadata"]
    assert (meta["labels"]["odd"], meta["resourceVersion"]) == ("true", str(server.cluster.version - 1))


async def test_a_watch_from_too_long_ago(server: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "HISTORY", 2)
    for number in range(4):
        server.done("PATCH", f"{api.CONFIG_MAPS}/a", {"data": {"x": str(number)}}, kind=api.MERGE)
    watched = Watched(server, resourceVersion="1")
    assert (watched.ended, watched.events[0]["type"], watched.events[0]["object"]["code"]) == (True, "ERROR", 410)


async def test_a_watch_of_tables_has_columns_once(server: Api) -> None:
    watched = Watched(server, accept=TABLE)
    assert [bool(each["object"]["columnDefinitions"]) for each in watched.events] == [True, False, False, False, False]


async def test_a_watch_ends_with_its_kind(server: Api) -> None:
    server.done("POST", api.DEFINITIONS, api.definition())
    request = Request(
        method="GET", path=api.FOOS, query={"watch": "1"}, headers={"authorization": f"Bearer {api.TOKEN}"}
    )
    watch = server.server.handle(request)
    ended: list[bool] = []
    assert isinstance(watch, watches.Watch)
    watch.open(lambda piece: None, lambda: ended.append(True))
    path = f"{api.DEFINITIONS}/foos.example.com"
    server.done("DELETE", path)
    server.done("PATCH", path, {"metadata": {"finalizers": None}}, kind=api.MERGE)
    watch.closed()
    assert ended == [True]
