"""Facts of members reach the hub and Redis; silence is told from a silent bus."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

import msgspec
import pytest
import redis.asyncio

from libs.common.api.cluster import ResourceSummary
from libs.common.bus import cloudevents
from libs.common.kube import resources
from libs.common.messages import ClusterEntry
from services.status_aggregator import clock, clusters, intake
from tests.stories.aggregator.scene import PATIENCE, Scene, acting, condition

DOWN = {"ready": "False", "ready_reason": "ClusterNotReachable", "ready_message": "cluster is not reachable"}


def _ready(status: str) -> Any:
    return lambda cluster: condition(cluster, "Ready").get("status") == status


def _taints(cluster: dict[str, Any]) -> list[str]:
    return [taint["key"].removeprefix("cluster.karmada.io/") for taint in cluster["spec"].get("taints", ())]


async def _row(world: Scene, name: str, check: Any) -> ClusterEntry | None:
    """Waits until a row of the cluster table passes `check`."""
    async with asyncio.timeout(PATIENCE):
        while True:
            row = (await world.redis.all()).get(name)
            if check(row):
                return row
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _beating(world: Scene, names: Iterable[str]) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            for name in names:
                await world.beat(name)
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(beat())
        yield
        task.cancel()


async def test_a_cluster_that_reports_becomes_ready(world: Scene) -> None:
    await world.cluster("member1")
    await world.see(resources.CLUSTERS, "member1", lambda c: _taints(c) == ["not-ready"], "tainted as not ready")
    await world.report("member1")
    found = await world.see(
        resources.CLUSTERS, "member1", lambda c: _ready("True")(c) and not _taints(c), "ready and without taint"
    )
    assert condition(found, "Ready")["reason"] == "ClusterReady"
    assert condition(found, "CompleteAPIEnablements")["status"] == "True"
    assert found["status"]["kubernetesVersion"] == "v1.36.0"
    assert found["status"]["nodeSummary"] == {"totalNum": 1, "readyNum": 1}
    assert found["status"]["resourceSummary"] == {"allocatable": {"cpu": "16"}, "allocated": {"cpu": "100m"}}
    row = await _row(world, "member1", lambda row: row is not None and row.ready == "True" and not row.taints)
    assert row is not None
    assert row.resource_summary == ResourceSummary(allocatable={"cpu": "16"}, allocated={"cpu": "100m"})


async def test_what_was_reported_before_the_start_counts_once_the_agent_is_heard(idle: Scene) -> None:
    await idle.cluster("member1")
    await idle.report("member1")
    async with acting(idle), _beating(idle, ["member1"]):
        await idle.see(resources.CLUSTERS, "member1", _ready("True"), "ready")


async def test_a_failure_shows_after_it_has_lasted(world: Scene) -> None:
    await world.cluster("member1")
    async with _beating(world, ["member1"]):
        await world.report("member1")
        await world.see(resources.CLUSTERS, "member1", _ready("True"), "ready")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await world.report("member1", 2, **DOWN)
        found = await world.see(
            resources.CLUSTERS, "member1", lambda c: _taints(c) == ["not-ready"], "tainted as not ready"
        )
        assert loop.time() - began > world.settings.cluster_failure_threshold.total_seconds()
        assert condition(found, "Ready")["reason"] == "ClusterNotReachable"
        assert found["status"]["kubernetesVersion"] == "v1.36.0"


async def test_a_cluster_that_falls_silent_alone_is_unknown(world: Scene) -> None:
    names = ["member1", "member2", "member3"]
    for name in names:
        await world.cluster(name)
        await world.report(name)
    async with _beating(world, names[1:]):
        found = await world.see(
            resources.CLUSTERS, "member1", lambda c: _taints(c) == ["unreachable"], "tainted as unreachable"
        )
        assert condition(found, "Ready")["reason"] == "ClusterStatusUnknown"
        async with _beating(world, names[:1]):
            await world.see(resources.CLUSTERS, "member1", _ready("True"), "ready again")
        assert _ready("True")(await world.get(resources.CLUSTERS, "member2"))


async def test_a_clock_that_is_set_makes_nobody_silent(world: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.cluster("member1")
    await world.report("member1")
    async with _beating(world, ["member1"]):
        await world.see(resources.CLUSTERS, "member1", _ready("True"), "ready")
    _set_clock(monkeypatch, timedelta(hours=1))
    for _ in range(10):
        await asyncio.sleep(0.02)
        found = await world.get(resources.CLUSTERS, "member1")
        assert _ready("True")(found)


async def test_a_clock_that_is_set_back_hides_no_silence(world: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.cluster("member1")
    await world.report("member1")
    async with _beating(world, ["member1"]):
        await world.see(resources.CLUSTERS, "member1", _ready("True"), "ready")
    _set_clock(monkeypatch, timedelta(hours=-1))
    await world.see(resources.CLUSTERS, "member1", _ready("Unknown"), "unknown")


async def test_what_passes_while_the_aggregator_stands_still_proves_nothing_of_the_bus(world: Scene) -> None:
    period = timedelta(milliseconds=50)
    proven: list[datetime | None] = []
    async with asyncio.TaskGroup() as tasks:
        monitor = tasks.create_task(intake.monitor(world.bus, proven.append, period))
        await _more(proven, 3)
        assert proven[0] == proven[2] is not None
        _stand_still(6 * period)
        woken = clock.moment()
        await _more(proven, 2)
        assert proven[-1] is not None
        assert proven[-1] > woken
        monitor.cancel()


async def _more(told: list[Any], number: int) -> None:
    wanted = len(told) + number
    async with asyncio.timeout(PATIENCE):
        while len(told) < wanted:
            await asyncio.sleep(0.01)


def _stand_still(duration: timedelta) -> None:
    """Holds the event loop up, as a process is that was stopped."""
    time.sleep(duration.total_seconds())


def _set_clock(monkeypatch: pytest.MonkeyPatch, step: timedelta) -> None:
    """Sets the clock that all of the aggregator reads."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + step

    for module in (clock, clusters, intake):
        monkeypatch.setattr(module, "datetime", Stepped)


async def test_when_all_fall_silent_together_conditions_freeze_and_say_so(world: Scene) -> None:
    names = ["member1", "member2", "member3"]
    for name in names:
        await world.cluster(name)
        await world.report(name)
    for name in names:
        found = await world.see(
            resources.CLUSTERS, name, lambda c: condition(c, "HeartbeatsFrozen"), "frozen, and saying so"
        )
        assert _ready("True")(found)
        assert condition(found, "HeartbeatsFrozen")["message"].startswith("heartbeats of 3 of 3 clusters stopped")
    async with _beating(world, names):
        for name in names:
            found = await world.see(
                resources.CLUSTERS, name, lambda c: not condition(c, "HeartbeatsFrozen"), "judged again"
            )
            assert _ready("True")(found)


async def test_a_cluster_that_never_reports_is_unknown(world: Scene) -> None:
    await world.cluster("member1")
    found = await world.see(resources.CLUSTERS, "member1", _ready("Unknown"), "unknown")
    assert condition(found, "Ready")["reason"] == "ClusterStatusNeverUpdated"


async def test_capacity_is_fresh_in_redis_and_bounded_on_the_hub(world: Scene) -> None:
    await world.cluster("member1")
    await world.report("member1")
    await world.see(resources.CLUSTERS, "member1", _ready("True"), "ready")
    versions = set()
    for revision in range(2, 42):
        summary = ResourceSummary(allocatable={"cpu": "16"}, allocated={"cpu": str(revision)})
        await world.report("member1", revision, resource_summary=summary)
        versions.add((await world.get(resources.CLUSTERS, "member1"))["metadata"]["resourceVersion"])
    wanted = {"cpu": "41"}
    await _row(world, "member1", lambda r: r is not None and r.resource_summary.allocated == wanted)
    await world.see(
        resources.CLUSTERS, "member1", lambda c: c["status"]["resourceSummary"]["allocated"] == wanted, "on the hub"
    )
    assert len(versions) <= 4


async def test_an_older_report_changes_nothing(world: Scene) -> None:
    await world.cluster("member1")
    await world.report("member1", 5, kubernetes_version="v1.37.0")
    await world.see(
        resources.CLUSTERS, "member1", lambda c: c["status"]["kubernetesVersion"] == "v1.37.0", "the version"
    )
    await world.report("member1", 4, kubernetes_version="v1.36.0")
    await world.report("member1", 6, kubernetes_version="v1.37.0", api_complete="Partial")
    found = await world.see(
        resources.CLUSTERS, "member1", lambda c: condition(c, "CompleteAPIEnablements")["status"] == "False", "partial"
    )
    assert found["status"]["kubernetesVersion"] == "v1.37.0"


@pytest.mark.parametrize("wiped", [True, False], ids=["wiped", "row lost with its cluster"])
async def test_redis_is_filled_again(world: Scene, redis_url: str, wiped: bool) -> None:
    uid = await world.cluster("member1")
    await world.report("member1")
    await _row(world, "member1", lambda row: row is not None and row.ready == "True")
    if wiped:
        client = redis.asyncio.Redis.from_url(redis_url)
        async with client:
            keys = [key async for key in client.scan_iter(f"{{{world.settings.subject_prefix}}}:*")]
            await client.delete(*keys)
        await _row(world, "member1", lambda row: row is not None and row.resource_summary is not None)
    else:
        await world.api.delete(resources.CLUSTERS, resources.ObjectKey("", "member1"), uid=uid)
        await _row(world, "member1", lambda row: row is None)


async def test_a_turn_of_health_is_told_to_whoever_listens(world: Scene) -> None:
    await world.cluster("member1")
    await world.report("member1")
    await world.see(resources.CLUSTERS, "member1", _ready("True"), "ready")
    subject = world.bus.subjects.event_cluster("member1")
    async with asyncio.timeout(PATIENCE):
        while (event := await world.bus.last_event(subject)) is None:
            await asyncio.sleep(0.01)
    assert event.type == cloudevents.CLUSTER_HEALTH
    assert msgspec.json.decode(event.data)["ready"] == "True"


async def test_a_cluster_that_is_being_deleted_is_left_alone(world: Scene) -> None:
    await world.cluster("member1")
    await world.report("member1")
    await world.see(resources.CLUSTERS, "member1", lambda c: _ready("True")(c) and not _taints(c), "ready")
    key = resources.ObjectKey("", "member1")
    await world.api.patch(resources.CLUSTERS, key, {"metadata": {"finalizers": ["story.example.com/hold"]}})
    await world.api.delete(resources.CLUSTERS, key)
    await _row(world, "member1", lambda row: row is not None and row.deleting)
    before = await world.get(resources.CLUSTERS, "member1")
    await asyncio.sleep(2 * world.settings.cluster_monitor_grace_period.total_seconds())
    assert await world.get(resources.CLUSTERS, "member1") == before
