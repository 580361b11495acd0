"""The client against the embedded API server, through its restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.common.api.meta import PartialObject
from libs.common.backoff import Backoff
from libs.common.kube import discovery, errors, resources
from libs.common.kube.client import APPLY, Client, Deletion
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import CONFIG_MAPS, ObjectKey
from tests.stories.kube.embedded import Embedded, embedded, until

QUICK = Backoff(first=timedelta(milliseconds=20), limit=timedelta(milliseconds=100))
SETTINGS = resources.Resource(group="argosy.test", version="v1", kind="Setting", plural="settings")
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "settings.argosy.test"},
    "spec": {
        "group": "argosy.test",
        "scope": "Namespaced",
        "names": {"kind": "Setting", "plural": "settings", "shortNames": ["set"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def config_map(name: str, value: str = "") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}


async def write(api: Client, *names: str, value: str = "") -> None:
    for name in names:
        key = ObjectKey("default", name)
        await api.patch(CONFIG_MAPS, key, config_map(name, value), content_type=APPLY, force=True)


class Watcher:
    """An informer of ConfigMaps, and what it told."""

    def __init__(self, api: Client) -> None:
        self.told: list[tuple[str, bool]] = []
        self.informer: Informer[PartialObject] = Informer(
            api,
            CONFIG_MAPS,
            decode=msgspec.json.Decoder(PartialObject).decode,
            on_change=self._tell,
            namespace="default",
            backoff=QUICK,
        )

    def _tell(self, change: Change[PartialObject]) -> None:
        self.told.append((change.key.name, change.new is not None))

    @property
    def names(self) -> set[str]:
        return {key.name for key in self.informer.cache}


@asynccontextmanager
async def watching(server: Embedded) -> AsyncIterator[tuple[Client, Watcher]]:
    async with server.client() as api, asyncio.TaskGroup() as tasks:
        watcher = Watcher(api)
        task = tasks.create_task(watcher.informer.run())
        await watcher.informer.synced.wait()
        yield api, watcher
        task.cancel()


async def test_an_objects_life(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api:
        key = ObjectKey("default", "a")
        made = msgspec.json.decode(await api.create(CONFIG_MAPS, config_map("a"), namespace="default"))
        with pytest.raises(errors.AlreadyExists):
            await api.create(CONFIG_MAPS, config_map("a"), namespace="default")
        changed = msgspec.json.decode(await api.replace(CONFIG_MAPS, key, {**made, "data": {"value": "1"}}))
        with pytest.raises(errors.Conflict):
            await api.replace(CONFIG_MAPS, key, {**made, "data": {"value": "2"}})
        patched = msgspec.json.decode(await api.patch(CONFIG_MAPS, key, {"data": {"value": "3"}}))
        assert [o["data"]["value"] for o in (changed, patched)] == ["1", "3"]
        with pytest.raises(errors.Conflict):
            await api.delete(CONFIG_MAPS, key, uid="another")
        assert await api.delete(CONFIG_MAPS, key, uid=made["metadata"]["uid"]) is Deletion.DONE
        with pytest.raises(errors.NotFound) as missing:
            await api.get(CONFIG_MAPS, key)
        assert not missing.value.of_kind


async def test_what_is_served_is_found(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api:
        await api.create(resources.CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
        found = await discovery.discover(api)
        custom = next(r for r in found.resources if r.kind == "Setting")
        deployment = next(r for r in discovery.preferred(found.resources) if r.kind == "Deployment")
        assert (custom.path("ns"), custom.short_names) == ("/apis/argosy.test/v1/namespaces/ns/settings", ("set",))
        assert {"status", "scale"} <= set(deployment.subresources)
        assert found.failed == {}


async def test_a_custom_object_has_its_kind_once_in_a_list(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api:
        await api.create(resources.CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
        await api.create(
            SETTINGS,
            {"apiVersion": "argosy.test/v1", "kind": "Setting", "metadata": {"name": "a"}},
            namespace="default",
        )
        (item,) = (await api.list(SETTINGS)).items
        assert item.count(b'"kind":"Setting"') == 1


async def test_an_object_of_a_megabyte_passes(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, watching(server) as (api, watcher):
        await write(api, "big", value="x" * 1_000_000)
        await until(lambda: watcher.names == {"big"})


async def test_a_restart_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, watching(server) as (api, watcher):
        await write(api, "kept", "gone")
        await until(lambda: watcher.names == {"kept", "gone"})
        await server.stop()
        await server.start()
        await write(api, "new")
        await api.delete(CONFIG_MAPS, ObjectKey("default", "gone"))
        await until(lambda: watcher.names == {"kept", "new"})
        assert sorted(watcher.told) == [("gone", False), ("gone", True), ("kept", True), ("new", True)]


async def test_what_happened_while_the_server_could_not_be_reached_is_told(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, watching(server) as (api, watcher):
        await write(api, "kept", "gone")
        await until(lambda: watcher.names == {"kept", "gone"})
        server.server.drop()
        server.cluster.delete(server.cluster.registry.of("", "ConfigMap"), "default", "gone")
        await write(api, "new")
        await until(lambda: watcher.names == {"kept", "new"})


async def test_a_wiped_server_is_believed(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, watching(server) as (api, watcher):
        await write(api, *(f"o{n}" for n in range(20)))
        await until(lambda: len(watcher.names) == 20)
        await server.stop()
        server.forget()
        await server.start()
        await write(api, "only")
        await until(lambda: watcher.names == {"only"})
        assert watcher.told.count(("o7", False)) == 1


async def test_a_server_that_is_away_for_a_while_is_found_again(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, watching(server) as (api, watcher):
        await server.stop()
        with pytest.raises(errors.Unreachable):
            await api.list(CONFIG_MAPS)
        await server.start()
        await write(api, "a")
        await until(lambda: watcher.names == {"a"})
