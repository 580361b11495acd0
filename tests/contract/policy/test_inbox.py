"""Policies by the bus: applied, refused, deleted, and told about."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.common.bus import cloudevents
from libs.common.kube.client import APPLY, Client
from libs.common.kube.errors import ServerFault
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import PolicyOutcome
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World


async def publish(world: World, policy: dict[str, Any], *, operation: Any = "applied", id: str = "1") -> PolicyOutcome:
    return await world.nats.publish_policy(
        policy, operation=operation, event_id=id, source="pipeline", timeout=timedelta(seconds=10)
    )


async def test_a_published_policy_takes_effect(running: World) -> None:
    await running.hub.apply(config_map("a"))

    outcome = await publish(running, policy_for("all", "ConfigMap"))

    assert outcome.accepted
    await until(lambda: running.work("m1", key_of("ConfigMap", "a")))


async def test_the_publisher_is_a_field_manager(running: World) -> None:
    await publish(running, policy_for("all", "ConfigMap"))

    policy = await running.hub.get("PropagationPolicy.policy.karmada.io", "default", "all")

    assert policy is not None
    assert [m["manager"] for m in policy["metadata"]["managedFields"]] == ["publisher/pipeline"]


async def test_a_publisher_takes_no_fields_of_another_manager_of_its_name(running: World) -> None:
    mine = policy_for("all", "ConfigMap", preserveResourcesOnDeletion=True)
    await running.hub.api.patch(
        running.hub.resource("policy.karmada.io/v1alpha1", "PropagationPolicy"),
        ObjectKey("default", "all"),
        mine,
        content_type=APPLY,
        manager="pipeline",
    )

    await publish(running, policy_for("all", "ConfigMap"))

    policy = await running.hub.get("PropagationPolicy.policy.karmada.io", "default", "all")
    assert policy is not None
    assert policy["spec"]["preserveResourcesOnDeletion"] is True


async def test_fields_of_another_manager_are_not_taken(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap", priority=1))

    outcome = await publish(running, policy_for("all", "ConfigMap", priority=2))

    assert not outcome.accepted
    assert "conflict" in outcome.message


async def test_a_policy_of_another_name_than_the_subject_is_refused(running: World) -> None:
    subject = running.nats.subjects.publish_policy("default", "other")
    policy = policy_for("all", "ConfigMap")
    await running.nats.event(subject, type=cloudevents.POLICY_APPLIED, source="pipeline", id="1", data=policy)

    async def refused() -> bool:
        event = await running.nats.last_event(running.nats.subjects.event_policy("default", "other"))
        return event is not None and event.type == cloudevents.POLICY_REFUSED

    await until(refused)


async def test_an_invalid_policy_is_refused_in_the_hubs_words(running: World) -> None:
    policy = policy_for("all", "ConfigMap")
    policy["spec"]["resourceSelectors"] = []

    outcome = await publish(running, policy)

    assert not outcome.accepted
    assert "resourceSelectors" in outcome.message


async def test_a_policy_is_deleted_by_the_bus(running: World) -> None:
    await publish(running, policy_for("all", "ConfigMap"))

    outcome = await publish(running, policy_for("all", "ConfigMap"), operation="deleted", id="2")

    assert outcome.accepted
    assert await running.hub.get("PropagationPolicy.policy.karmada.io", "default", "all") is None


async def test_publications_of_one_policy_take_effect_in_order(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, refused = Client.patch, asyncio.Event()

    async def once_refused(api: Client, resource: Resource, *args: Any, **options: Any) -> bytes:
        if resource.kind == "PropagationPolicy" and not refused.is_set():
            refused.set()
            raise ServerFault(503, "ServiceUnavailable", "etcd has no leader")
        return await patch(api, resource, *args, **options)

    monkeypatch.setattr(Client, "patch", once_refused)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish(running, policy_for("all", "ConfigMap", priority=1)))
        await refused.wait()
        tasks.create_task(publish(running, policy_for("all", "ConfigMap", priority=2), id="2"))
    policy = await running.hub.get("PropagationPolicy.policy.karmada.io", "default", "all")
    assert policy is not None
    assert policy["spec"]["priority"] == 2


async def test_a_deletion_that_waits_does_not_take_what_is_published_after_it(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(running, policy_for("all", "ConfigMap"))
    delete, refused = Client.delete, asyncio.Event()

    async def once_refused(api: Client, resource: Resource, *args: Any, **options: Any) -> bool:
        if resource.kind == "PropagationPolicy" and not refused.is_set():
            refused.set()
            raise ServerFault(503, "ServiceUnavailable", "etcd has no leader")
        return await delete(api, resource, *args, **options)

    monkeypatch.setattr(Client, "delete", once_refused)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish(running, policy_for("all", "ConfigMap"), operation="deleted", id="2"))
        await refused.wait()
        tasks.create_task(publish(running, policy_for("all", "ConfigMap"), id="3"))
    assert await running.hub.get("PropagationPolicy.policy.karmada.io", "default", "all") is not None
