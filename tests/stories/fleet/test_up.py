"""`argosy up`: all services as local processes, over API servers that exist already."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.sandbox.fleet import Fleet
from libs.sandbox.fleet import fleet as embedded
from tests import worlds
from tests.worlds import Cluster, until

NOTE = worlds.config_map("note", a="b")


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Fleet]:
    """A hub and two members that know nothing of Argosy."""
    async with embedded(tmp_path / "servers", members=2, nodes=1) as found:
        yield found


@pytest.fixture
def argosy(tmp_path: Path) -> worlds.Command:
    return worlds.Command(tmp_path / "state")


async def test_it_joins_what_is_named_propagates_and_goes(servers: Fleet, argosy: worlds.Command) -> None:
    hub = Cluster("hub", str(servers.hub.kubeconfig))
    member = Cluster("member1", str(servers.members["member1"].kubeconfig))

    def story() -> None:
        argosy("up", "--hub", hub.kubeconfig, "--member", f"eu={member.kubeconfig}", "--detach")
        try:
            status = json.loads(argosy("status", "-o", "json"))
            assert [m["name"] for m in status["members"]] == ["eu"]
            hub.apply(NOTE, worlds.policy("note", worlds.selector_of(NOTE), placement=worlds.duplicated("eu")))
            until(lambda: member.config_map("note", "default"), what="the ConfigMap in eu")
            pids = [s["pid"] for s in (*status["services"], status["nats"], status["redis"])]
        finally:
            argosy("down")
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
        assert member.config_map("note", "default"), "what runs stays when Argosy goes"

    await asyncio.to_thread(story)


async def test_a_member_that_is_away_keeps_nobody_waiting(servers: Fleet, argosy: worlds.Command) -> None:
    hub, there, away = servers.hub, servers.members["member1"], servers.members["member2"]
    await away.stop()

    def story() -> None:
        members = ["--member", f"here={there.kubeconfig}", "--member", f"away={away.kubeconfig}"]
        said = argosy("up", "--hub", str(hub.kubeconfig), *members, "--detach")
        argosy("down")
        assert "away cannot be reached now" in said
        assert "joined here" in said

    await asyncio.to_thread(story)


async def test_a_mistake_is_told_in_one_line(servers: Fleet, argosy: worlds.Command) -> None:
    hub, member = servers.hub, servers.members["member1"]

    def story() -> None:
        twice = ["--member", f"one={member.kubeconfig}", "--member", f"two={member.kubeconfig}"]
        said = argosy("up", "--hub", str(hub.kubeconfig), *twice, "--detach", ok=False)
        told = [line for line in said.splitlines() if line.startswith("Error: ")]
        assert told == ["Error: this member is registered already, as one; `argosy unjoin one` first"]
        assert "Traceback" not in said

    await asyncio.to_thread(story)
