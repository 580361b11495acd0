"""The member's facts follow what happens in it, at a bounded rate, and say which works they include."""

from libs.common.messages import CapacityReport
from tests.stories.agent import scene
from tests.stories.agent.scene import Scene, deployment


def allocated(report: CapacityReport) -> dict[str, str | int]:
    found = report.resource_summary.allocated if report.resource_summary else None
    return found or {}


async def test_what_a_work_takes_shows_and_is_counted(world: Scene) -> None:
    await world.until(lambda: next((r for r in world.reports if r.resource_summary), None), "a first count")
    before = int(allocated(world.reports[-1]).get("pods", "0"))
    work = await world.apply(deployment("web", 2))
    report = await world.until(
        lambda: next((r for r in world.reports if r.counts_order >= work.order), None), "the work is counted"
    )
    assert int(allocated(report)["pods"]) == before + 2


async def test_reports_rise_and_are_not_too_many(world: Scene) -> None:
    first = await world.until(lambda: next((r for r in world.reports if r.resource_summary), None), "a first count")
    for number in range(10):
        await world.applied(await world.apply(deployment(f"web{number}", 1)))
    last = await world.until(
        lambda: r if int(allocated(r := world.reports[-1]).get("pods", "0")) >= 10 else None, "all pods are counted"
    )
    assert last.agent == first.agent
    assert [r.revision for r in world.reports] == sorted({r.revision for r in world.reports})
    assert last.revision - first.revision <= 5


async def test_a_new_kind_is_among_the_enablements_at_once(world: Scene) -> None:
    await world.applied(await world.apply(scene.definition("Widget", "widgets")))
    await world.until(
        lambda: any(e.group_version == "example.com/v1" for r in world.reports[-1:] for e in r.api_enablements),
        "the new group",
    )
