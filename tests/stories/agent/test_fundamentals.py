"""A work goes in, an object stands in the member, its status comes back; a tombstone goes in, and it is gone."""

from libs.common import digests
from libs.common.api import wellknown
from libs.common.bus import Delivery
from libs.common.digests import SetDigest
from libs.common.messages import Gone
from tests.stories.agent.scene import CONFIG_MAPS, DEPLOYMENTS, Scene, config_map, deployment, key_of, removal


async def test_a_work_becomes_an_object_that_carries_our_marks(world: Scene) -> None:
    work = await world.apply(config_map("settings", colour="blue"))
    await world.applied(work)
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"colour": "blue"}
    assert found["metadata"]["labels"][wellknown.OWNER_LABEL] == world.identity.owner
    notes = found["metadata"]["annotations"]
    assert notes[wellknown.ORIGIN_ANNOTATION] == "ResourceBinding/default/settings-configmap/binding-settings-configmap"
    assert notes[wellknown.ORDER_ANNOTATION] == "1.1"
    assert notes[wellknown.DIGEST_ANNOTATION] == work.digest


async def test_the_status_of_a_workload_follows_until_it_is_ready(world: Scene) -> None:
    work = await world.apply(deployment("web", 2))
    ready = await world.until(
        lambda: s if (s := world.status(work)) is not None and s.health == "Healthy" else None, "web healthy"
    )
    assert b'"readyReplicas":2' in bytes(ready.status)


async def test_a_tombstone_takes_the_object_away_and_says_so(world: Scene) -> None:
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    gone = await world.removed(await world.remove(work))
    assert await world.get(CONFIG_MAPS, "settings") is None
    assert gone.removed == [removal(work)]
    assert not gone.preserved


async def test_a_change_of_the_work_changes_the_object(world: Scene) -> None:
    first = await world.apply(deployment("web", 1))
    await world.applied(first)
    second = await world.apply(deployment("web", 3))
    await world.applied(second)
    found = await world.get(DEPLOYMENTS, "web")
    assert found is not None
    assert found["spec"]["replicas"] == 3


async def test_beats_say_what_is_known_and_applied(world: Scene) -> None:
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    expected = SetDigest()
    expected.put(key_of(work), digests.of_work(key_of(work), work))
    beat = await world.until(
        lambda: b if (b := world.beats[-1] if world.beats else None) is not None and b.works == 1 else None, "a beat"
    )
    assert (beat.known_digest, beat.applied_digest) == (expected.text(), expected.text())
    assert beat.highest_order == work.order
    assert beat.stream_created


async def test_the_first_report_has_the_member_s_facts(world: Scene) -> None:
    report = await world.until(
        lambda: next((r for r in world.reports if r.resource_summary and r.kubernetes_version), None), "a whole report"
    )
    assert report.ready == "True"
    assert report.node_summary is not None
    assert (report.node_summary.total_num, report.node_summary.ready_num) == (1, 1)
    assert report.api_complete == "Complete"
    assert {e.group_version for e in report.api_enablements} >= {"v1", "apps/v1"}
    assert report.resource_summary is not None
    assert report.resource_summary.allocatable_modelings is not None
    assert sum(m.count for m in report.resource_summary.allocatable_modelings) == 1


async def test_what_the_watch_shows_of_a_removal_is_not_told_again(world: Scene) -> None:
    told: list[Delivery[Gone]] = []
    async with world.bus.subscribe_core(world.bus.subjects.all("gone"), Gone, told.append):
        for name in "abc":
            work = await world.apply(config_map(name))
            await world.applied(work)
            await world.removed(await world.remove(work))
        await world.applied(await world.apply(config_map("after")))
    assert len(told) == 3
