"""What policy wrote itself is no news to it; what others write always is."""

import asyncio
from typing import Any

import pytest

from libs.common.kube.errors import Garbled
from libs.common.names import OriginKey
from services.policy.core.exclusions import Exclusions
from services.policy.core.template import TemplateKey
from services.policy.hub import Changes, Hub
from services.policy.templates import Templates
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map
from tests.contract.policy.world import World

CLAIM = {
    "labels": {"propagationpolicy.karmada.io/permanent-id": "u"},
    "annotations": {"propagationpolicy.karmada.io/name": "p", "propagationpolicy.karmada.io/namespace": "default"},
}
PROXY = b"<html>this is no API server</html>"


async def test_an_answer_that_cannot_be_read_leaves_nobody_deaf_to_bindings(outside: World) -> None:
    told: list[str] = []

    def ignore(*_: object) -> None: ...

    def binding(_: Any, new: Any) -> None:
        told.append(new.metadata.name)

    watched = Changes(
        cluster=ignore,
        policy=ignore,
        override=ignore,
        binding=binding,
        namespace=ignore,
        definition=ignore,
        went_back=ignore,
    )
    hub = Hub(outside.hub.api, "u", watched)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(hub.run())
        await hub.synced()
        with pytest.raises(Garbled):
            hub.observe_binding(OriginKey("default", "a"), PROXY)

        await outside.hub.apply(
            {
                "apiVersion": "work.karmada.io/v1alpha2",
                "kind": "ResourceBinding",
                "metadata": {"namespace": "default", "name": "b"},
                "spec": {"resource": {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "b"}},
            }
        )

        await until(lambda: told == ["b"])
        watching.cancel()


async def test_an_answer_that_cannot_be_read_leaves_nobody_deaf_to_claims(outside: World) -> None:
    changed: list[TemplateKey] = []
    templates = Templates(
        outside.hub.api,
        wanted=lambda: {("", "ConfigMap")},
        excluded=Exclusions(),
        on_change=lambda key, old, new: changed.append(key),
        on_synced=lambda kind: None,
        on_unreadable=lambda kind, failure: None,
        on_went_back=lambda known, now: None,
    )
    await outside.hub.apply(config_map("a"))
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(templates.run())
        await until(lambda: templates.synced(("", "ConfigMap")))
        changed.clear()
        key = TemplateKey("", "ConfigMap", "default", "a")
        with pytest.raises(Garbled):
            templates.observe(key, PROXY)

        await outside.hub.merge("ConfigMap", "default", "a", {"metadata": CLAIM})

        await until(lambda: key in changed)
        watching.cancel()
