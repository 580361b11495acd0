"""How often the hub's side is told: the first word at once, the last always, and not too many in between."""

import asyncio
import json

from libs.common.subjects import STATUS
from tests.stories.agent import scene
from tests.stories.agent.scene import CONFIG_MAPS, Resource, Scene, config_map, key_of

WIDGETS = Resource(group="example.com", version="v1", kind="Widget", plural="widgets")
WIDGET = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "namespace": "default", "uid": "uid-w"},
    "spec": {"size": 3},
}


async def test_a_status_that_flickers_is_told_in_few_words_and_the_last_is_right(world: Scene) -> None:
    await world.applied(await world.apply(scene.definition("Widget", "widgets")))
    work = await world.apply(WIDGET)
    await world.applied(work)
    before = len(world.history)
    for turn in range(60):
        await world.patch(WIDGETS, "w", {"status": {"turn": turn}})
        await asyncio.sleep(0.01)

    def last() -> bool:
        return json.loads(bytes(world.statuses[key_of(work)].status) or b"null") == {"turn": 59}

    await world.until(last, "the last status")
    told = [s for s in world.history[before:] if s.kind == "Widget"]
    assert 3 <= len(told) <= 8


async def test_a_status_does_not_count_as_drift(world: Scene) -> None:
    await world.applied(await world.apply(scene.definition("Widget", "widgets")))
    work = await world.apply(WIDGET)
    await world.applied(work)
    await world.patch(WIDGETS, "w", {"status": {"phase": "Ready"}})
    await world.until(lambda: b"Ready" in bytes(world.statuses[key_of(work)].status), "the status")
    found = await world.get(WIDGETS, "w")
    assert found is not None
    assert found["status"] == {"phase": "Ready"}


async def test_what_says_nothing_new_is_not_told(world: Scene) -> None:
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    before = len(world.history)
    await world.patch(CONFIG_MAPS, "settings", {"metadata": {"labels": {"theirs": "1"}}})
    await world.applied(await world.apply(config_map("fence")))
    assert [s.object_name for s in world.history[before:]] == ["fence"]


async def test_a_status_is_told_under_the_trace_of_its_work(world: Scene) -> None:
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    work = scene.work_for(config_map("settings"), world.identity, world.order())
    await world.bus.publish(world.bus.subjects.work("member1", key_of(work)), work, traceparent=parent)
    await world.applied(work)
    assert world.traces[key_of(work)].split("-")[1] == "ab" * 16


async def test_what_is_gone_is_not_told_again_when_the_member_comes_back(world: Scene) -> None:
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    await world.removed(await world.remove(work))
    subject = world.bus.subjects.gone(world.identity.cluster, key_of(work))
    told = await world.bus.last_seq(STATUS, subject)
    assert told
    await world.server.stop()
    await world.until(lambda: not world.beats[-1].api_reachable, "the beat says unreachable")
    waiting = await world.apply(config_map("waiting"))
    await world.refused(waiting)
    await world.server.start()
    await world.applied(waiting)
    await world.until(lambda: world.beats[-1].api_reachable, "the beat says reachable")
    await world.applied(await world.apply(config_map("fence")))
    assert await world.bus.last_seq(STATUS, subject) == told
