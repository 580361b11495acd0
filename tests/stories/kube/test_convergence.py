"""Whatever a server goes through, the cache ends where the server is, and the changes told add up to the cache."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from libs.common.api.meta import PartialObject
from libs.common.kube import errors
from libs.common.kube.client import Client
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import CONFIG_MAPS, ObjectKey
from tests.stories.kube.embedded import Embedded, embedded
from tests.stories.kube.test_embedded import QUICK, config_map

STEPS = 80


class Ledger:
    """An informer whose every change is checked against the ones before."""

    def __init__(self, api: Client) -> None:
        self.state: dict[ObjectKey, str] = {}
        self.informer: Informer[PartialObject] = Informer(
            api,
            CONFIG_MAPS,
            decode=msgspec.json.Decoder(PartialObject).decode,
            on_change=self._enter,
            namespace="default",
            backoff=QUICK,
        )

    def _enter(self, change: Change[PartialObject]) -> None:
        old = change.old.metadata.resource_version if change.old else None
        assert self.state.get(change.key) == old
        if change.new is None:
            del self.state[change.key]
        else:
            self.state[change.key] = change.new.metadata.resource_version


async def step(chance: random.Random, server: Embedded, api: Client, informer: Informer[PartialObject]) -> None:
    """One thing that happens: mostly writes, some of which the informer is told of, and now and then a disaster."""
    key = ObjectKey("default", f"o{chance.randrange(12)}")
    match chance.choices(["put", "delete", "pause", "drop", "restart", "wipe"], [50, 20, 15, 8, 5, 2])[0]:
        case "put":
            body = config_map(key.name, str(chance.random()))
            try:
                answer = await api.create(CONFIG_MAPS, body, namespace="default")
            except errors.AlreadyExists:
                answer = await api.patch(CONFIG_MAPS, key, {"data": body["data"]})
            if chance.random() < 0.5:
                informer.observe(answer)
        case "delete":
            await api.delete(CONFIG_MAPS, key)
        case "pause":
            await asyncio.sleep(chance.random() * 0.05)
        case "drop":
            server.server.drop()
        case "restart":
            await server.stop()
            await server.start()
        case "wipe":
            await server.stop()
            server.forget()
            await server.start()


@pytest.mark.parametrize("seed", range(6))
async def test_the_cache_ends_where_the_server_is(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with embedded(tmp_path) as server, server.client() as api, asyncio.TaskGroup() as tasks:
        ledger = Ledger(api)
        task = tasks.create_task(ledger.informer.run())
        await ledger.informer.synced.wait()
        for _ in range(STEPS):
            with suppress(errors.Unreachable):
                await step(chance, server, api, ledger.informer)
        async with asyncio.timeout(10):
            while ledger.state != await _on_the_server(api):
                await asyncio.sleep(0.02)
        held = {key: each.metadata.resource_version for key, each in ledger.informer.cache.items()}
        assert held == ledger.state
        task.cancel()


async def _on_the_server(api: Client) -> dict[ObjectKey, str]:
    found = [
        msgspec.json.decode(item, type=PartialObject).metadata
        for item in (await api.list(CONFIG_MAPS, namespace="default")).items
    ]
    return {ObjectKey(each.namespace, each.name): each.resource_version for each in found}
