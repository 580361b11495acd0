"""The embedded API server on the wire: requests in pieces, in a row, too large; watches that go on."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from libs.sandbox.cluster import Cluster
from libs.sandbox.serving import server as serving
from libs.sandbox.serving import wire

TOKEN = "secret"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        """Writes a request."""
        given = {"Host": "x", "Authorization": f"Bearer {TOKEN}", "Content-Length": str(len(body))}
        given |= {key.replace("_", "-"): value for key, value in headers.items()}
        head = "".join(f"{key}: {value}\r\n" for key, value in given.items() if value)
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers of the next answer."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        return int(first.split(" ")[1]), {key.lower(): value for key, value in (each.split(": ", 1) for each in lines)}

    async def answer(self) -> tuple[int, Any]:
        """The next answer."""
        code, headers = await self.head()
        return code, json.loads(await self.reader.readexactly(int(headers["content-length"])))

    async def piece(self) -> Any:
        """The next event of a watch; None at its end."""
        size = int(await self.reader.readline(), 16)
        piece = await self.reader.readexactly(size + 2)
        return json.loads(piece) if size else None


@pytest_asyncio.fixture
async def server() -> AsyncIterator[serving.Server]:
    made = await serving.serve(Cluster("test"), "127.0.0.1", 0, TOKEN)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def client(server: serving.Server) -> AsyncIterator[Client]:
    made = Client(*await asyncio.open_connection("127.0.0.1", server.port))
    yield made
    made.writer.close()


def config_map(name: str = "a", size: int = 1) -> bytes:
    """A ConfigMap of some size."""
    return json.dumps({"metadata": {"name": name}, "data": {"x": "y" * size}}).encode()


async def test_requests_in_a_row(client: Client) -> None:
    client.send("POST", CONFIG_MAPS, config_map())
    client.send("GET", f"{CONFIG_MAPS}/a")
    client.send("GET", f"{CONFIG_MAPS}/b")
    assert [(await client.answer())[0] for _ in range(3)] == [201, 200, 404]


async def test_a_request_in_pieces(client: Client) -> None:
    body = config_map()
    head = f"POST {CONFIG_MAPS} HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {len(body)}\r\n\r\n"
    for byte in head.encode() + body:
        client.writer.write(bytes([byte]))
        await client.writer.drain()
    assert (await client.answer())[0] == 201


async def test_a_chunked_request(client: Client) -> None:
    body = config_map()
    chunks = b"%x\r\n%b\r\n%x;note\r\n%b\r\n0\r\n\r\n" % (5, body[:5], len(body) - 5, body[5:])
    client.send("POST", CONFIG_MAPS, Content_Length="", Transfer_Encoding="chunked")
    client.writer.write(chunks)
    client.send("GET", f"{CONFIG_MAPS}/a")
    assert [(await client.answer())[0] for _ in range(2)] == [201, 200]


async def test_a_body_that_is_too_large(client: Client) -> None:
    client.send("POST", CONFIG_MAPS, config_map(size=4 << 20))
    client.send("GET", "/version")
    code, body = await client.answer()
    assert (code, body["message"]) == (413, "Request entity too large: limit is 3145728")
    assert (await client.answer())[0] == 200


async def test_what_is_no_http(client: Client) -> None:
    client.writer.write(b"hello\r\n\r\n")
    assert (await client.head())[0] == 400
    assert (await client.reader.read()).startswith(b"this is not HTTP")


async def test_large_answers_are_compressed(client: Client) -> None:
    client.send("POST", CONFIG_MAPS, config_map(size=500_000))
    await client.answer()
    client.send("GET", f"{CONFIG_MAPS}/a", Accept_Encoding="gzip")
    _, headers = await client.head()
    assert (headers["content-encoding"], int(headers["content-length"]) < 10_000) == ("gzip", True)


async def test_a_watch_and_what_follows_it(server: serving.Server, client: Client) -> None:
    client.send("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={server.cluster.version}&timeoutSeconds=1")
    assert (await client.head())[1]["transfer-encoding"] == "chunked"
    other = Client(*await asyncio.open_connection("127.0.0.1", server.port))
    other.send("POST", CONFIG_MAPS, config_map())
    assert (await client.piece())["type"] == "ADDED"
    assert await client.piece() is None
    client.send("GET", "/version")
    assert (await client.answer())[0] == 200
    other.writer.close()


async def test_a_watch_that_is_left_is_forgotten(server: serving.Server, client: Client) -> None:
    resource = server.cluster.registry.at("", "v1", "configmaps")
    assert resource is not None
    watchers = server.cluster.table(resource).watchers
    client.send("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={server.cluster.version}")
    await client.head()
    assert len(watchers) == 1
    client.writer.close()
    async with asyncio.timeout(5):
        while watchers:
            await asyncio.sleep(0)
    assert not watchers


async def test_a_gate_answers_in_the_servers_place(server: serving.Server, client: Client) -> None:
    server.gate = lambda request: wire.Reply(code=503, body=b"{}") if request.method == "POST" else None
    client.send("POST", CONFIG_MAPS, config_map())
    client.send("GET", "/version")
    assert [(await client.answer())[0] for _ in range(2)] == [503, 200]


async def test_dropped_connections(server: serving.Server, client: Client) -> None:
    client.send("GET", "/version")
    await client.answer()
    server.drop()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.head()
    again = Client(*await asyncio.open_connection("127.0.0.1", server.port))
    again.send("GET", "/version")
    assert (await again.answer())[0] == 200
    again.writer.close()


async def test_who_does_not_read_is_cut_off(
    server: serving.Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "BACKLOG_LIMIT", 1 << 20)
    resource = server.cluster.registry.at("", "v1", "configmaps")
    assert resource is not None
    client.send("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={server.cluster.version}")
    await client.head()
    for number in range(40):
        server.cluster.create(resource, json.loads(config_map(f"a{number}", 500_000)))
    async with asyncio.timeout(5):
        while server.cluster.table(resource).watchers:
            await asyncio.sleep(0)
    assert not server.cluster.table(resource).watchers


async def test_a_list_may_be_larger_than_what_may_pile_up(
    server: serving.Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "BACKLOG_LIMIT", 1 << 20)
    resource = server.cluster.registry.at("", "v1", "configmaps")
    assert resource is not None
    for number in range(20):
        server.cluster.create(resource, json.loads(config_map(f"a{number}", 500_000)))
    client.send("GET", CONFIG_MAPS)
    client.send("GET", f"{CONFIG_MAPS}?watch=true&timeoutSeconds=1")
    assert len((await client.answer())[1]["items"]) == 20
    await client.head()
    size = int(await client.reader.readline(), 16)
    assert (await client.reader.readexactly(size)).count(b'"ADDED"') == 20
