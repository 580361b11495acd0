"""A fleet in the tests' own process, and how its servers fail when they are told to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from libs.sandbox import fleet, kinds


@pytest_asyncio.fixture(params=["thread", "loop"])
async def member(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[fleet.Server]:
    """The only member of a fleet, in a thread of its own or on the test's loop."""
    async with fleet.fleet(tmp_path, members=1, nodes=1, thread=request.param == "thread") as running:
        yield running.members["member1"]


async def ask(
    member: fleet.Server, path: str = "/api/v1/namespaces/kube-system", seconds: float = 5
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {member.token}"}
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
        session.get(member.url + path) as answer,
    ):
        return answer.status, await answer.json()


async def test_it_answers(member: fleet.Server) -> None:
    code, body = await ask(member)
    assert (code, body["metadata"]["name"]) == (200, "kube-system")


async def test_an_outage_and_its_end(member: fleet.Server) -> None:
    _, before = await ask(member)
    await member.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(member)
    await member.start()
    assert await ask(member) == (200, before)


async def test_hanging(member: fleet.Server) -> None:
    await member.hang()
    with pytest.raises(asyncio.TimeoutError):
        await ask(member, seconds=0.2)
    await member.heal()
    assert (await ask(member))[0] == 200


async def test_failing(member: fleet.Server) -> None:
    await member.fail(500, "out of order")
    code, body = await ask(member)
    assert (code, body["message"]) == (500, "out of order")
    await member.heal()
    assert (await ask(member))[0] == 200


async def test_a_wiped_cluster_is_another_one_under_the_same_address(member: fleet.Server) -> None:
    url = member.url
    _, before = await ask(member)
    await member.wipe()
    code, after = await ask(member)
    assert (code, member.url) == (200, url)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert [each["metadata"]["name"] for each in member.state.list(kinds.NODES)] == ["member1-node1"]


async def test_controllers_settle(member: fleet.Server) -> None:
    await member.settled()
    code, _ = await ask(member, "/api/v1/namespaces/default/serviceaccounts/default")
    assert code == 200
