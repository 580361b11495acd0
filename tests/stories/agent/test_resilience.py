"""Agents, members and streams go away and come back; what runs in the member is not touched for it."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from libs.common.kube.resources import ObjectKey
from libs.common.messages import Inventory, InventoryRequest
from libs.common.subjects import STATUS, WORKS
from services.agent import receipts
from tests.stories.agent import scene
from tests.stories.agent.scene import CONFIG_MAPS, DEPLOYMENTS, QUICK, Scene, config_map, deployment, removal


def version(found: dict[str, Any] | None) -> str:
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


async def test_a_restart_writes_nothing(idle: Scene) -> None:
    async with scene.acting(idle):
        work = await idle.apply(config_map("settings", colour="blue"))
        await idle.applied(work)
    before = version(await idle.get(CONFIG_MAPS, "settings"))
    idle.statuses.clear()
    async with scene.acting(idle):
        await idle.applied(work)
        assert version(await idle.get(CONFIG_MAPS, "settings")) == before


async def test_a_restart_while_the_member_is_down_says_nothing_of_what_was_applied(idle: Scene) -> None:
    async with scene.acting(idle):
        work = await idle.apply(config_map("settings"))
        await idle.applied(work)
    await idle.server.stop()
    heard = len(idle.history)
    async with scene.acting(idle):
        await idle.until(lambda: idle.beats and not idle.beats[-1].api_reachable, "the beat says unreachable")
        assert idle.history[heard:] == []
        await idle.server.start()
        await idle.applied(await idle.apply(config_map("fence")))
        assert all(s.applied for s in idle.history[heard:])


async def test_what_happened_while_no_agent_was_there_is_caught_up_with(idle: Scene) -> None:
    async with scene.acting(idle):
        kept, dropped, changed = [await idle.apply(config_map(n, v="1")) for n in ("kept", "dropped", "changed")]
        for work in (kept, dropped, changed):
            await idle.applied(work)
    await idle.member.delete(CONFIG_MAPS, ObjectKey("default", "kept"))
    tombstone = await idle.remove(dropped)
    later = await idle.apply(config_map("changed", v="2"))
    async with scene.acting(idle):
        await idle.removed(tombstone)
        await idle.applied(later)
        await idle.see(CONFIG_MAPS, "kept", "default", bool)
        await idle.see(CONFIG_MAPS, "changed", "default", lambda o: o["data"] == {"v": "2"})


async def test_a_member_that_was_down_gets_what_it_missed(world: Scene) -> None:
    await world.applied(await world.apply(config_map("before")))
    await world.server.stop()
    await world.until(lambda: world.beats[-1:] and not world.beats[-1].api_reachable, "the beat says unreachable")
    await world.until(
        lambda: world.reports[-1:] and world.reports[-1].ready_reason == "ClusterNotReachable", "the report says so"
    )
    work = await world.apply(config_map("during"))
    await world.refused(work)
    await world.server.start()
    await world.applied(work)
    await world.until(lambda: world.reports[-1].ready == "True", "ready again")


@pytest.mark.timeout(60)
async def test_a_member_that_was_made_anew_gets_everything_again(world: Scene) -> None:
    work = await world.apply(config_map("settings", colour="blue"))
    await world.applied(work)
    await world.server.wipe()
    await world.see(CONFIG_MAPS, "settings", "default", lambda o: o and o["data"] == {"colour": "blue"})
    await world.applied(await world.apply(config_map("more")))


async def test_a_member_that_hangs_for_a_while_gets_what_it_missed(world: Scene) -> None:
    await world.applied(await world.apply(config_map("before")))
    await world.server.hang()
    works = [await world.apply(config_map(f"during{n}")) for n in range(40)]
    await world.until(lambda: not world.beats[-1].api_reachable, "the beat says unreachable")
    await world.server.heal()
    for work in works:
        await world.applied(work)


async def test_a_hang_that_costs_the_lease_is_over_when_it_is_over(idle: Scene) -> None:
    duration = timedelta(seconds=3)
    async with scene.acting(idle, msgspec.structs.replace(QUICK, lease_duration=duration)):
        before = await idle.apply(config_map("before"))
        await idle.applied(before)
        await idle.server.hang()
        tombstone, work = await idle.remove(before), await idle.apply(config_map("during"))
        await asyncio.sleep(duration.total_seconds())
        await idle.server.heal()
        async with asyncio.timeout(4):
            await idle.removed(tombstone)
            await idle.applied(work)


async def test_wiped_works_are_no_order_to_remove(world: Scene) -> None:
    await world.applied(await world.apply(config_map("settings")))
    await world.wipe(WORKS)
    fence = await world.apply(config_map("fence"))
    await world.applied(fence)
    assert await world.get(CONFIG_MAPS, "settings") is not None
    await world.until(
        lambda: world.beats[-1].highest_order == fence.order and world.beats[-1].works == 1, "a beat of the new stream"
    )


async def test_an_earlier_copy_of_the_works_brings_back_nothing(world: Scene) -> None:
    old = await world.apply(config_map("settings", colour="old"))
    await world.applied(old)
    gone = await world.apply(config_map("gone"))
    await world.applied(gone)
    await world.applied(await world.apply(config_map("settings", colour="new")))
    await world.removed(await world.remove(gone))
    await world.wipe(WORKS)
    await world.publish(old)
    await world.publish(gone)
    await world.applied(await world.apply(config_map("fence")))
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"colour": "new"}
    assert await world.get(CONFIG_MAPS, "gone") is None


async def test_a_restarted_agent_does_not_go_back_behind_what_it_wrote(idle: Scene) -> None:
    async with scene.acting(idle):
        old = await idle.apply(config_map("settings", colour="old"))
        await idle.applied(old)
        new = await idle.apply(config_map("settings", colour="new"))
        await idle.applied(new)
    await idle.wipe(WORKS)
    await idle.publish(old)
    async with scene.acting(idle):
        await idle.applied(await idle.apply(config_map("fence"), order=old.order))
        beat = await idle.until(lambda: b if (b := idle.beats[-1]).works == 2 else None, "a beat")
        assert beat.highest_order >= new.order
        found = await idle.get(CONFIG_MAPS, "settings")
        assert found is not None
        assert found["data"] == {"colour": "new"}
        assert "later order" in (await idle.refused(old)).message


async def test_wiped_statuses_are_told_again(world: Scene) -> None:
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    gone = await world.apply(config_map("gone"))
    await world.applied(gone)
    tombstone = await world.remove(gone)
    await world.removed(tombstone)
    await world.until(lambda: len(world.beats) > 2, "the agent has seen the stream")
    world.statuses.clear()
    world.gone.clear()
    await world.wipe(STATUS)
    await world.applied(work)
    await world.removed(tombstone)


@pytest.mark.parametrize("cut", [True, False], ids=["the server was restarted", "under a running server"])
async def test_statuses_that_the_stream_lost_are_told_again_though_others_have_written_since(
    world: Scene, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    """A stream that was put back has lost what came last, and soon it is as long as before."""
    other = await world.apply(config_map("other"))
    await world.applied(other)
    await world.until(lambda: len(world.beats) > 2 and world.reports, "the agent has seen the stream")
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    lost = await world.bus.last_seq(STATUS, world.bus.subjects.status(world.identity.cluster, scene.key_of(work)))
    await world.bus.publish(world.bus.subjects.capacity("elsewhere"), world.reports[-1])
    await world.bus._session.js.delete_msg(world.bus._stream(STATUS), lost or 0)
    world.statuses.clear()
    if cut:
        world.bus._session.client._transport.close()
    else:
        monkeypatch.setattr(receipts, "_AGAIN", timedelta())
    await world.applied(work)
    await world.applied(other)


async def test_a_second_agent_waits_for_the_first(idle: Scene) -> None:
    async with scene.acting(idle):
        await idle.applied(await idle.apply(config_map("one")))
        agents = {b.agent for b in await idle.until(lambda: idle.beats, "a beat")}
        async with scene.acting(idle, host="elsewhere"):
            await idle.until(lambda: len(idle.beats) > 5, "some beats")
            assert {b.agent for b in idle.beats} == agents
            await idle.applied(await idle.apply(config_map("two")))


@pytest.mark.timeout(60)
async def test_a_second_agent_takes_over(idle: Scene) -> None:
    async with scene.acting(idle):
        await idle.applied(await idle.apply(config_map("one")))
        second = scene.acting(idle, host="elsewhere")
        await second.__aenter__()
    await idle.applied(await idle.apply(config_map("two")))
    await second.__aexit__(None, None, None)


async def test_the_inventory_is_what_stands_in_the_member(world: Scene) -> None:
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    await world.applied(await world.apply(deployment("web", 1)))
    await world.make(CONFIG_MAPS, config_map("theirs"))
    request = InventoryRequest(hub_uid=world.identity.hub_uid, cluster_uid=world.identity.cluster_uid)
    found = await world.bus.request(
        world.bus.subjects.call(world.identity.cluster, "inventory"), request, Inventory, timeout=QUICK.probe_timeout
    )
    assert found.incomplete == ""
    assert {(i.kind, i.name) for i in found.items} == {("ConfigMap", "settings"), ("Deployment", "web")}
    item = next(i for i in found.items if i.kind == "ConfigMap")
    assert (item.origin, item.template_uid, item.order) == (work.origin, work.template.uid, work.order)
    assert removal(work).template_uid == item.template_uid


async def test_kinds_that_the_member_does_not_have_are_told_in_kubernetes_words_and_come_later(world: Scene) -> None:
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default", "uid": "uid-w"},
        "spec": {"size": 3},
    }
    work = await world.apply(widget)
    assert (await world.refused(work)).message == 'no matches for kind "Widget" in version "example.com/v1"'
    await world.apply(scene.definition("Widget", "widgets"))
    await world.applied(work)


async def test_an_object_of_1_3_megabytes_passes(world: Scene) -> None:
    await world.applied(await world.apply(scene.definition("Blob", "blobs")))
    blob = {
        "apiVersion": "example.com/v1",
        "kind": "Blob",
        "metadata": {"name": "big", "namespace": "default", "uid": "uid-big"},
        "spec": {"data": "0123456789abcdef" * 82_000},
    }
    await world.applied(await world.apply(blob))


async def test_what_the_member_refuses_is_told_in_its_words_and_holds_up_nobody(world: Scene) -> None:
    bad = await world.apply({**deployment("web", 1), "spec": {"replicas": 1}})
    status = await world.refused(bad)
    assert 'Deployment.apps "web" is invalid' in status.message
    await world.applied(await world.apply(config_map("fence")))
    good = await world.apply(deployment("web", 1))
    await world.applied(good)
    assert await world.get(DEPLOYMENTS, "web") is not None
