"""What `argosy unjoin` says of a cluster that went, by what it finds; policy's and the agent's parts are played."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest_asyncio

from libs.cli import install, join
from libs.common import names
from libs.common.api import wellknown
from libs.common.kube import credentials, identity, resources
from libs.common.kube.client import Client
from libs.common.kube.resources import CLUSTERS, CONFIG_MAPS, ObjectKey
from libs.sandbox import fleet

KEY = ObjectKey("", "guest")
HELD = ["tests.dev/held"]


class World:
    """A hub with one member, registered as the command does it, that policy still holds."""

    def __init__(self, hub: Client, kubeconfig: Path, member: Client, server: fleet.Server) -> None:
        self.hub = hub
        self.kubeconfig = kubeconfig
        self.member = member
        self.server = server

    async def unjoin(self, *, given_up: bool) -> tuple[int, str]:
        """Runs the command; policy lets the Cluster go when it is asked to. Returns exit code and output."""
        argv = [sys.executable, "-m", "libs.cli", "unjoin", "guest", "--kubeconfig", str(self.kubeconfig)]
        running = await asyncio.create_subprocess_exec(
            *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(20):
            while b"deletionTimestamp" not in await self.hub.get(CLUSTERS, KEY):
                await asyncio.sleep(0.05)
            if given_up:
                notes = {wellknown.GIVEN_UP_ANNOTATION: "true"}
                await self.hub.patch(CLUSTERS, KEY, {"metadata": {"annotations": notes}})
                await asyncio.sleep(1)  # as policy does
            await self.hub.patch(CLUSTERS, KEY, {"metadata": {"finalizers": None}})
            output, _ = await running.communicate()
        return running.returncode or 0, output.decode()

    async def leave(self, name: str) -> None:
        """Something that the agent did not remove."""
        cluster_uid = msgspec.json.decode(await self.hub.get(CLUSTERS, KEY))["metadata"]["uid"]
        label = {wellknown.OWNER_LABEL: names.owner_hash(await identity.cluster_uid(self.hub), cluster_uid)}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": label}}
        await self.member.create(CONFIG_MAPS, body, namespace="default")

    async def accounts(self) -> list[bytes]:
        """What there is of agents' accounts in the member."""
        found = []
        for resource in (resources.CLUSTER_ROLES, join.CLUSTER_ROLE_BINDINGS, join.SERVICE_ACCOUNTS, resources.SECRETS):
            found += [i for i in (await self.member.list(resource)).items if b'"argosy-guest-' in i]
        return found


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with fleet.fleet(tmp_path, members=1, nodes=1, thread=True) as made:
        server = made.members["member1"]
        at_hub, at_member = (credentials.from_kubeconfig(s.kubeconfig) for s in (made.hub, server))
        await install.crds(at_hub, lambda _: None)
        async with Client(at_hub) as hub, Client(at_member) as member:
            await join.register(hub, "guest", at_member, join.Registration())
            await hub.patch(CLUSTERS, KEY, {"metadata": {"finalizers": HELD}})
            yield World(hub, made.hub.kubeconfig, member, server)


async def test_a_cluster_that_went_in_good_order_is_out_and_leaves_no_account(world: World) -> None:
    assert len(await world.accounts()) == 4
    code, output = await world.unjoin(given_up=False)
    assert (code, output.splitlines()[-1]) == (0, "cluster guest is out; its workloads stay where they are")
    async with asyncio.timeout(10):
        while await world.accounts():
            await asyncio.sleep(0.05)


async def test_what_is_left_behind_is_named(world: World) -> None:
    await world.leave("settings")
    code, output = await world.unjoin(given_up=False)
    assert code == 1
    assert "are still there: configmaps/settings" in output


async def test_a_member_that_was_given_up_and_does_not_answer_is_told(world: World) -> None:
    await world.server.stop()
    code, output = await world.unjoin(given_up=True)
    assert code == 1
    assert "the member did not answer, so it was given up; objects with label argosy.dev/owner=" in output


async def test_a_member_that_was_given_up_and_answers_again_is_looked_into(world: World) -> None:
    await world.leave("settings")
    code, output = await world.unjoin(given_up=True)
    assert code == 1
    assert "so it was given up; objects with label argosy.dev/owner=" in output
    assert "configmaps/settings" in output


async def test_the_credentials_go_with_the_cluster_whoever_deletes_it(world: World) -> None:
    await world.hub.patch(CLUSTERS, KEY, {"metadata": {"finalizers": None}})
    await world.hub.delete(CLUSTERS, KEY)
    async with asyncio.timeout(10):
        while (await world.hub.list(resources.SECRETS, namespace=wellknown.CLUSTER_NAMESPACE)).items:
            await asyncio.sleep(0.05)
