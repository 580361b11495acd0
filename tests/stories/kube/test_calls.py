"""What a client sends, and what it does about refusals, broken connections, TLS and proxies."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.kube import errors
from libs.common.kube.client import APPLY, JSON, Client, Deletion
from libs.common.kube.credentials import Credentials
from libs.common.kube.resources import CONFIG_MAPS, ObjectKey
from tests.stories.kube import scripted
from tests.stories.kube.scripted import Bytes, Chunks, Raw, Reply, Request, listing, refusal

KEY = ObjectKey("ns", "a")
PATH = "/api/v1/namespaces/ns/configmaps/a"
TLS = Path(__file__).parents[2] / "data" / "tls"


def client(server: scripted.Server, **more: Any) -> Client:
    return Client(Credentials(server=server.url, token="T", **more), user_agent="tests")


async def test_who_asks_is_said_with_each_call() -> None:
    async with scripted.serving(Reply()) as server, client(server) as api:
        await api.get(CONFIG_MAPS, KEY)
        headers = server.requests[0].headers
        assert (headers["authorization"], headers["user-agent"], headers["accept"]) == (
            "Bearer T",
            "tests",
            "application/json",
        )


async def test_each_verb_says_what_it_means() -> None:
    async with scripted.serving(*[Reply()] * 6) as server, client(server) as api:
        await api.create(CONFIG_MAPS, {"kind": "ConfigMap"}, namespace="ns", manager="m")
        await api.replace(CONFIG_MAPS, KEY, b"{}", subresource="status")
        await api.patch(CONFIG_MAPS, KEY, {"a": 1})
        await api.patch(CONFIG_MAPS, KEY, [{"op": "remove"}], content_type=JSON)
        await api.patch(CONFIG_MAPS, KEY, {"a": "😀"}, content_type=APPLY, force=True)
        await api.delete(CONFIG_MAPS, KEY, uid="u")
        told = [(r.method, r.path, r.query, r.headers["content-type"]) for r in server.requests]
        assert told == [
            ("POST", "/api/v1/namespaces/ns/configmaps", {"fieldManager": "m"}, "application/json"),
            ("PUT", f"{PATH}/status", {"fieldManager": "argosy"}, "application/json"),
            ("PATCH", PATH, {"fieldManager": "argosy"}, "application/merge-patch+json"),
            ("PATCH", PATH, {"fieldManager": "argosy"}, "application/json-patch+json"),
            ("PATCH", PATH, {"fieldManager": "argosy", "force": "true"}, "application/apply-patch+yaml"),
            ("DELETE", PATH, {}, "application/json"),
        ]
        assert "😀".encode() in server.requests[4].body
        assert json.loads(server.requests[5].body)["preconditions"] == {"uid": "u"}


async def test_a_list_follows_its_pages() -> None:
    pages = [listing(9, scripted.item("a", 1), more="c"), listing(9, scripted.item("b", 2))]
    async with scripted.serving(*pages) as server, client(server) as api:
        found = await api.list(CONFIG_MAPS, namespace="ns", label_selector="a=b,c in (d)")
        assert (found.resource_version, len(found.items)) == ("9", 2)
        assert [r.query.get("labelSelector") for r in server.requests] == ["a=b,c in (d)"] * 2


async def test_a_limited_list_is_one_page() -> None:
    async with scripted.serving(listing(9, scripted.item("a", 1), more="c")) as server, client(server) as api:
        found = await api.list(CONFIG_MAPS, limit=1)
        assert (len(found.items), server.requests[0].query["limit"]) == (1, "1")


async def test_a_deletion_says_what_it_came_to() -> None:
    replies = refusal(404, "NotFound"), Reply(body=b'{"kind":"ConfigMap"}'), Reply(body=b'{"kind":"Status"}')
    async with scripted.serving(*replies) as server, client(server) as api:
        assert await api.delete(CONFIG_MAPS, KEY) is Deletion.ABSENT
        assert await api.delete(CONFIG_MAPS, KEY) is Deletion.BEGUN
        assert await api.delete(CONFIG_MAPS, KEY) is Deletion.DONE


async def test_connections_are_kept() -> None:
    async with scripted.serving(*[Reply()] * 5) as server, client(server) as api:
        for _ in range(5):
            await api.get(CONFIG_MAPS, KEY)
        assert server.connections == 1


async def test_a_connection_that_is_said_to_close_is_not_used_again() -> None:
    async with scripted.serving(Reply(headers={"Connection": "close"}), Reply()) as server, client(server) as api:
        for _ in range(2):
            await api.get(CONFIG_MAPS, KEY)
        assert server.connections == 2


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda api: api.get(CONFIG_MAPS, KEY), id="get"),
        pytest.param(lambda api: api.replace(CONFIG_MAPS, KEY, {}), id="put"),
        pytest.param(lambda api: api.patch(CONFIG_MAPS, KEY, {}), id="patch"),
        pytest.param(lambda api: api.delete(CONFIG_MAPS, KEY), id="delete"),
    ],
)
async def test_a_call_that_may_happen_twice_is_repeated_once(call: Callable[[Client], Any]) -> None:
    async with scripted.serving(Raw(b""), Reply(), Raw(b""), Raw(b""), Reply()) as server, client(server) as api:
        await call(api)
        with pytest.raises(errors.Interrupted):
            await call(api)
        assert len(server.requests) == 4


async def test_a_creation_is_not_repeated() -> None:
    async with scripted.serving(Raw(b""), Reply()) as server, client(server) as api:
        with pytest.raises(errors.Interrupted, match="the server closed the connection"):
            await api.create(CONFIG_MAPS, {}, namespace="ns")
        assert len(server.requests) == 1


async def test_a_kept_connection_that_the_server_closed_harms_nothing() -> None:
    async with scripted.serving(Reply(), Reply()) as server, client(server) as api:
        await api.get(CONFIG_MAPS, KEY)
        server.cut()
        await api.get(CONFIG_MAPS, KEY)
        assert server.connections == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_patience_gets_it_for_any_call(status: int) -> None:
    script = [refusal(status, "Busy", Retry_After="0"), refusal(status, "Busy", Retry_After="0"), Reply()]
    async with scripted.serving(*script) as server, client(server) as api:
        await api.create(CONFIG_MAPS, {}, namespace="ns")
        assert len(server.requests) == 3


async def test_patience_ends() -> None:
    async with scripted.serving(*[refusal(429, "Busy", Retry_After="0")] * 9) as server, client(server) as api:
        with pytest.raises(errors.TooManyRequests):
            await api.get(CONFIG_MAPS, KEY)
        assert len(server.requests) == 5


async def test_a_long_pause_is_left_to_the_caller() -> None:
    async with scripted.serving(refusal(429, "Busy", Retry_After="3600")) as server, client(server) as api:
        with pytest.raises(errors.TooManyRequests) as caught:
            await api.get(CONFIG_MAPS, KEY)
        assert caught.value.retry_after == 3600


async def test_a_token_that_is_refused_is_read_anew(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")

    def rotate(_: Request) -> Reply:
        token.write_text("new")
        return refusal(401, "Unauthorized")

    async with (
        scripted.serving(rotate, Reply(), refusal(401, "Unauthorized"), refusal(401, "Unauthorized")) as server,
        Client(Credentials(server=server.url, token_file=str(token))) as api,
    ):
        await api.get(CONFIG_MAPS, KEY)
        assert [r.headers["authorization"] for r in server.requests] == ["Bearer old", "Bearer new"]
        with pytest.raises(errors.Unauthorized):
            await api.get(CONFIG_MAPS, KEY)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(
            scripted.Chunks((b"ab", b"c" * 100_000, b"d"), "end"), b"ab" + b"c" * 100_000 + b"d", id="chunked"
        ),
        pytest.param(Raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), b"until the end", id="until-the-end"),
        pytest.param(Raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), b"ok", id="http-1.0"),
        pytest.param(
            Raw(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            b"ok",
            id="early-hints",
        ),
        pytest.param(Reply(204, b""), b"", id="no-content"),
    ],
)
async def test_bodies_of_all_kinds(answer: scripted.Answer, body: bytes) -> None:
    async with scripted.serving(answer) as server, client(server) as api:
        assert await api.raw("GET", "/x") == body


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(Raw(b"SSH-2.0-OpenSSH\r\n"), errors.Garbled, id="no-http"),
        pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), errors.Interrupted, id="cut-off"),
        pytest.param(Reply(302, b"", {"Location": "http://elsewhere"}), errors.ApiError, id="redirect-is-not-followed"),
        pytest.param(Reply(200, b"<html>"), errors.Garbled, id="list-that-is-none"),
    ],
)
async def test_what_is_no_answer(answer: scripted.Answer, kind: type[errors.KubeError]) -> None:
    async with scripted.serving(answer, answer) as server, client(server) as api:
        with pytest.raises(kind):
            await api.list(CONFIG_MAPS)


async def test_no_answer_in_time() -> None:
    limit = timedelta(seconds=0.05)
    async with scripted.serving() as server, Client(Credentials(server=server.url), limit=limit) as api:
        with pytest.raises(errors.Unreachable, match=r"no answer in 0\.05 s"):
            await api.get(CONFIG_MAPS, KEY)


async def test_a_watch_that_does_not_begin_in_time() -> None:
    limit = timedelta(seconds=0.05)
    async with (
        scripted.serving(lambda _: Bytes(b"")) as server,
        Client(Credentials(server=server.url), limit=limit) as api,
    ):
        with pytest.raises(errors.Unreachable, match=r"no answer in 0\.05 s"):
            async with api.watch(CONFIG_MAPS, resource_version="1"):
                pass


async def test_what_a_silent_server_was_asked_is_asked_again_elsewhere_once_that_is_given_up() -> None:
    async with scripted.serving(lambda _: Bytes(b""), Reply()) as server, client(server) as api:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(api.get(CONFIG_MAPS, KEY))
            await server.asked(1)
            api.forsake(asyncio.get_running_loop().time())
            assert await reading == b"{}"
        assert server.connections == 2


async def test_what_is_heard_is_not_given_up() -> None:
    async with scripted.serving(Chunks((b"{}",))) as server, client(server) as api:
        began = asyncio.get_running_loop().time()
        async with api.stream("/x", {}) as more:
            assert await more() == b"{}"
            api.forsake(began)
            server.say(b"2\r\n[]\r\n")
            assert await more() == b"[]"


async def test_a_silent_watch_ends_when_it_is_given_up() -> None:
    async with scripted.serving(Chunks(())) as server, client(server) as api, api.stream("/x", {}) as more:
        await asyncio.sleep(0.01)
        api.forsake(asyncio.get_running_loop().time())
        with pytest.raises(errors.Interrupted):
            await more()


async def test_nobody_is_there() -> None:
    async with scripted.serving() as server:
        url = server.url
    async with Client(Credentials(server=url)) as api:
        with pytest.raises(errors.Unreachable, match=f"{url}: .*"):
            await api.get(CONFIG_MAPS, KEY)


async def test_a_path_in_the_servers_url_leads_and_is_not_told() -> None:
    async with scripted.serving(Reply(), Raw(b"")) as server, Client(Credentials(server=f"{server.url}/hush")) as api:
        await api.get(CONFIG_MAPS, KEY)
        assert server.requests[0].path == f"/hush{PATH}"
        with pytest.raises(errors.Interrupted) as caught:
            await api.create(CONFIG_MAPS, {}, namespace="ns")
        assert "hush" not in str(caught.value)


async def test_an_answer_too_many_is_never_taken_for_the_next() -> None:
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none" + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"
    async with scripted.serving(scripted.Bytes(twice), Reply(200, b"three")) as server, client(server) as api:
        assert [await api.raw("GET", "/x") for _ in range(2)] == [b"one", b"three"]


async def test_what_comes_unasked_ends_a_kept_connection() -> None:
    async with scripted.serving(Reply(200, b"one"), Reply(200, b"three")) as server, client(server) as api:
        assert await api.raw("GET", "/x") == b"one"
        server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
        await asyncio.sleep(0.05)
        assert await api.raw("GET", "/x") == b"three"
        assert server.connections == 2
