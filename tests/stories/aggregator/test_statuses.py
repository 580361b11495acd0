"""What members and policy say reaches the binding and the template, in few writes."""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from libs.common.api.meta import Condition
from libs.common.kube import resources
from libs.common.kube.client import Client
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Order, Outcome, WorkStatus
from services.status_aggregator.core import aggregate, freshness
from tests.stories.aggregator.scene import DEPLOYMENTS, Scene, acting, condition, replica

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "nginx"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "nginx"}},
        "template": {
            "metadata": {"labels": {"app": "nginx"}},
            "spec": {"containers": [{"name": "main", "image": "nginx"}]},
        },
    },
}


def running(replicas: int, ready: int, generation: int = 1) -> dict[str, int]:
    """What a member reflects of a Deployment."""
    return {
        "generation": 1,
        "observedGeneration": 1,
        "resourceTemplateGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }


async def _clusters(world: Scene, count: int) -> list[str]:
    names = [f"member{n + 1}" for n in range(count)]
    for name in names:
        await world.cluster(name)
    return names


def _fully_applied(binding: dict[str, Any]) -> bool:
    return bool(condition(binding, "FullyApplied").get("status") == "True")


async def test_a_kind_without_status_takes_one_write(world: Scene) -> None:
    members = await _clusters(world, 3)
    template, origin = await world.template(CONFIG_MAP)
    orders = {name: world.order() for name in members}
    await world.expect(origin, template, orders)
    for name in members:
        await world.say(name, origin, template, orders[name])
    await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    binding = await world.binding(origin)
    seen = [entry["manager"] for entry in binding["metadata"]["managedFields"] if entry.get("subresource") == "status"]
    assert seen == ["argosy-status-aggregator"]
    assert [item["clusterName"] for item in binding["status"]["aggregatedStatus"]] == members
    assert condition(binding, "Scheduled")["reason"] == "Success"


async def test_a_deployment_shows_its_members_replicas_on_the_hub(world: Scene) -> None:
    members = await _clusters(world, 2)
    template, origin = await world.template(DEPLOYMENT)
    orders = {name: world.order() for name in members}
    await world.expect(origin, template, orders)
    for name in members:
        await world.say(name, origin, template, orders[name], None, health="Unhealthy")
    await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    for name in members:
        await world.say(name, origin, template, orders[name], running(1, 1))
    found = await world.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 2, "2 ready")
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    binding = await world.binding(origin)
    assert [item["health"] for item in binding["status"]["aggregatedStatus"]] == ["Healthy", "Healthy"]


async def test_what_another_wrote_between_look_and_write_does_not_stay(
    world: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (member,) = await _clusters(world, 1)
    template, origin = await world.template(DEPLOYMENT)
    order = world.order()
    await world.expect(origin, template, {member: order})
    await world.say(member, origin, template, order, running(2, 0), health="Unhealthy")
    await world.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["replicas"] == 2, "2 replicas")
    patch, late = Client.patch, asyncio.Event()

    async def overtaken(api: Client, resource: Resource, *args: Any, **options: Any) -> bytes:
        if resource.kind == "Deployment" and not late.is_set():
            late.set()
            lie = {"status": {"replicas": 9, "updatedReplicas": 9}}
            await patch(world.api, resource, ObjectKey("default", "nginx"), lie, subresource="status")
        return await patch(api, resource, *args, **options)

    monkeypatch.setattr(Client, "patch", overtaken)
    await world.say(member, origin, template, order, running(2, 2))
    found = await world.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 2, "2 ready")
    assert late.is_set()
    assert (found["status"]["replicas"], found["status"]["updatedReplicas"]) == (2, 2)


async def test_a_work_that_cannot_be_made_is_told_in_the_place_of_its_member(world: Scene) -> None:
    members = await _clusters(world, 2)
    template, origin = await world.template(CONFIG_MAP)
    order = world.order()
    why = "override plaintext /data/nope/nope: no such path"
    await world.expect(origin, template, dict.fromkeys(members, order), failures={members[1]: why})
    await world.say(members[0], origin, template, order)
    found = await world.see(
        resources.RESOURCE_BINDINGS, origin.name, lambda b: condition(b, "FullyApplied"), "condition FullyApplied"
    )
    assert condition(found, "FullyApplied")["status"] == "False"
    applied, failed = found["status"]["aggregatedStatus"]
    assert applied["applied"]
    assert failed["appliedMessage"].endswith(why)


async def test_a_failure_to_schedule_shows_at_once(world: Scene) -> None:
    template, origin = await world.template(CONFIG_MAP)
    refused = {"type": "Scheduled", "status": "False", "reason": "NoClusterFit", "message": "0/3 clusters"}
    await world.expect(origin, template, {}, scheduled=msgspec.convert(refused, type=Condition))
    found = await world.see(
        resources.RESOURCE_BINDINGS, origin.name, lambda b: condition(b, "Scheduled"), "condition Scheduled"
    )
    assert condition(found, "Scheduled")["message"] == "0/3 clusters"
    assert condition(found, "FullyApplied") == {}


async def test_a_member_that_refuses_is_quoted(world: Scene) -> None:
    (member,) = await _clusters(world, 1)
    template, origin = await world.template(CONFIG_MAP)
    order = world.order()
    await world.expect(origin, template, {member: order})
    await world.say(member, origin, template, order, applied=False, message="exceeded quota: tiny")
    found = await world.see(
        resources.RESOURCE_BINDINGS, origin.name, lambda b: condition(b, "FullyApplied"), "condition FullyApplied"
    )
    assert condition(found, "FullyApplied")["status"] == "False"
    assert found["status"]["aggregatedStatus"][0]["appliedMessage"].endswith("exceeded quota: tiny")
    told = await world.told("SyncFailed")
    assert {(event["regarding"], event["type"]) for event in told} == {
        ("ConfigMap", "Warning"),
        ("ResourceBinding", "Warning"),
    }
    assert all("exceeded quota: tiny" in event["message"] for event in told)


async def test_a_silent_member_shows_as_not_applied_and_holds_nobody_up(world: Scene) -> None:
    members = await _clusters(world, 2)
    template, origin = await world.template(CONFIG_MAP)
    orders = {name: world.order() for name in members}
    await world.expect(origin, template, orders)
    await world.say("member1", origin, template, orders["member1"])
    found = await world.see(
        resources.RESOURCE_BINDINGS, origin.name, lambda b: b["status"]["aggregatedStatus"], "aggregatedStatus"
    )
    assert [item.get("applied", False) for item in found["status"]["aggregatedStatus"]] == [True, False]
    await world.say("member2", origin, template, orders["member2"])
    await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied in the end")


@pytest.mark.parametrize("late", ["status", "outcome"])
async def test_after_an_update_old_content_is_not_applied(world: Scene, late: str) -> None:
    (member,) = await _clusters(world, 1)
    template, origin = await world.template(DEPLOYMENT)
    first, second = world.order(), world.order()
    await world.expect(origin, template, {member: first})
    await world.say(member, origin, template, first, running(2, 2))
    await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    if late == "status":
        await world.expect(origin, template, {member: second})
        await world.see(
            resources.RESOURCE_BINDINGS, origin.name, lambda b: not _fully_applied(b), "no longer fully applied"
        )
        await world.say(member, origin, template, second, running(3, 3))
    else:
        await world.say(member, origin, template, second, running(3, 3))
        await world.expect(origin, template, {member: second})
    found = await world.see(
        resources.RESOURCE_BINDINGS,
        origin.name,
        lambda b: _fully_applied(b) and b["status"]["aggregatedStatus"][0]["status"]["replicas"] == 3,
        "the new content applied",
    )
    # a repetition of the old status changes nothing any more
    await world.say(member, origin, template, first, running(2, 2))
    await world.say(member, origin, template, second, running(3, 3))
    await asyncio.sleep(0.3)
    assert (await world.binding(origin))["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


async def test_a_wave_of_statuses_is_written_first_last_and_once_a_second(world: Scene) -> None:
    (member,) = await _clusters(world, 1)
    template, origin = await world.template(DEPLOYMENT)
    order = world.order()
    await world.expect(origin, template, {member: order})
    before = set()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for ready in itertools.count():
        await world.say(member, origin, template, order, running(100, min(ready, 99)), health="Unhealthy")
        before.add((await world.binding(origin))["metadata"]["resourceVersion"])
        if loop.time() - began > 1.5:
            break
    await world.say(member, origin, template, order, running(100, 100))
    await world.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 100, "all ready")
    assert loop.time() - began < 2.3
    assert len(before) <= 3


async def test_a_wave_of_many_members_costs_few_looks_at_them_all(
    world: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, view, loop = 0, aggregate.view, asyncio.get_running_loop()

    def counted(outcome: Outcome, statuses: Mapping[str, WorkStatus]) -> aggregate.View:
        nonlocal looks
        looks += 1
        return view(outcome, statuses)

    monkeypatch.setattr(aggregate, "view", counted)
    template, origin = await world.template(CONFIG_MAP)
    members = [f"member{n}" for n in range(300)]
    world.cluster_uids.update({name: f"uid-{name}" for name in members})
    order, began = world.order(), loop.time()
    await world.expect(origin, template, dict.fromkeys(members, order))
    for name in members:
        await world.say(name, origin, template, order)
    await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    assert looks <= (loop.time() - began) / (300 * freshness.REST) + 2


async def test_a_new_aggregator_writes_nothing_that_stands_already(idle: Scene) -> None:
    async with acting(idle):
        members = await _clusters(idle, 2)
        template, origin = await idle.template(DEPLOYMENT)
        orders = {name: idle.order() for name in members}
        await idle.expect(origin, template, orders)
        for name in members:
            await idle.say(name, origin, template, orders[name], running(1, 1))
        await idle.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 2, "2 ready")
        found = await idle.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    template_before = await idle.get(DEPLOYMENTS, "nginx")
    async with acting(idle):
        await asyncio.sleep(0.5)
        assert (await idle.binding(origin))["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
        assert await idle.get(DEPLOYMENTS, "nginx") == template_before


async def test_a_deleted_binding_is_forgotten(world: Scene) -> None:
    (member,) = await _clusters(world, 1)
    template, origin = await world.template(CONFIG_MAP)
    order = world.order()
    await world.expect(origin, template, {member: order})
    await world.say(member, origin, template, order)
    await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    await world.api.delete(resources.RESOURCE_BINDINGS, resources.ObjectKey("default", origin.name), uid=origin.uid)
    await world.say(member, origin, template, Order(epoch=1, seq=99))
    _, again = await world.template({**CONFIG_MAP, "metadata": {"name": "other"}})
    await world.expect(again, template, {member: order})
    await world.see(
        resources.RESOURCE_BINDINGS, again.name, lambda b: condition(b, "FullyApplied"), "the next one is served"
    )


async def test_what_the_bus_has_lost_is_not_taken_for_not_applied(world: Scene) -> None:
    (member,) = await _clusters(world, 1)
    template, origin = await world.template(DEPLOYMENT)
    order = world.order()
    await world.expect(origin, template, {member: order})
    await world.say(member, origin, template, order, running(2, 2))
    await world.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 2, "2 ready")
    found = await world.see(resources.RESOURCE_BINDINGS, origin.name, _fully_applied, "fully applied")
    await world.lose_the_bus()
    again = world.order()
    await world.expect(origin, template, {member: again})
    await asyncio.sleep(1.0)
    assert (await world.binding(origin))["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
    await world.say(member, origin, template, again, running(3, 3))
    await world.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 3, "3 ready")


async def test_one_of_two_aggregators_works_and_the_other_takes_over(idle: Scene) -> None:
    (member,) = await _clusters(idle, 1)
    template, origin = await idle.template(DEPLOYMENT)
    order = idle.order()
    async with replica(idle) as first:
        await first.at_work()
        async with replica(idle) as second:
            await idle.expect(origin, template, {member: order})
            await idle.say(member, origin, template, order, running(2, 2))
            await idle.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 2, "2 ready")
            assert not second.works
            first.running.cancel()
            await second.at_work()
            await idle.say(member, origin, template, order, running(2, 1), health="Unhealthy")
            await idle.see(DEPLOYMENTS, "nginx", lambda d: d["status"]["readyReplicas"] == 1, "1 ready")
