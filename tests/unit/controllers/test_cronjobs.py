"""CronJobs: when they are due, and what they do about Jobs that still run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.sandbox import kinds
from libs.sandbox.controllers import cron
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation


def cron_job(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    template = simulation.template(app="task", annotations=annotations, restartPolicy="Never")
    job = {"spec": {"template": template, "completions": 1, "parallelism": 1}}
    return {"metadata": {"name": "tick"}, "spec": {"schedule": "*/5 * * * *", "jobTemplate": job, **spec}}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("*/15 * * * *", "2030-01-31T10:45", id="every quarter"),
        pytest.param("0 0 31 * *", "2030-03-31T00:00", id="the 31st, where there is one"),
        pytest.param("30 4 1,15 * FRI", "2030-02-01T04:30", id="day of month or of week"),
        pytest.param("0 12 * * 7", "2030-02-03T12:00", id="Sunday is 7"),
        pytest.param("0 12 * * SUN-MON", "2030-02-03T12:00", id="names in a range"),
        pytest.param("5 4/8 * * ?", "2030-01-31T12:05", id="from 4 on, every 8 hours"),
        pytest.param("0 0 29 2 *", "2032-02-29T00:00", id="the 29th of February"),
        pytest.param("@monthly", "2030-02-01T00:00", id="a name"),
    ],
)
def test_next_time(schedule: str, expected: str) -> None:
    now = datetime(2030, 1, 31, 10, 30, 30, tzinfo=UTC)
    found = cron.parse(schedule).after(now)
    assert found is not None
    assert found.isoformat().startswith(expected)


def test_last_time() -> None:
    found = cron.parse("0 6 * * MON").until(datetime(2030, 1, 31, 10, 30, tzinfo=UTC))
    assert found == datetime(2030, 1, 28, 6, 0, tzinfo=UTC)


def test_never() -> None:
    assert cron.parse("0 0 31 2 *").after(datetime(2030, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "*/0 * * * *", "a * * * *", "5-1 * * * *"])
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        cron.parse(text)


@simulation.member()
async def test_a_job_each_time(cluster: Simulation) -> None:
    await cluster.create(kinds.CRON_JOBS, cron_job())
    assert cluster.state.list(kinds.JOBS) == []
    await cluster.after(5 * 60)
    found = cluster.get(kinds.CRON_JOBS, "tick")
    assert len(cluster.state.list(kinds.JOBS)) == 1
    assert found["status"]["lastScheduleTime"] == "2030-01-01T00:05:00Z"
    assert found["status"]["lastSuccessfulTime"] == "2030-01-01T00:05:00Z"


@simulation.member()
async def test_history_of_jobs_is_cut_short(cluster: Simulation) -> None:
    await cluster.create(kinds.CRON_JOBS, cron_job(successfulJobsHistoryLimit=2))
    for _ in range(5):
        await cluster.after(5 * 60)
    assert len(cluster.state.list(kinds.JOBS)) == 2


@pytest.mark.parametrize(("policy", "left"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_jobs_that_still_run(policy: str, left: int) -> None:
    @simulation.member()
    async def story(cluster: Simulation) -> None:
        slow = cron_job({simulated.RUN_FOR: "1h"}, concurrencyPolicy=policy)
        await cluster.create(kinds.CRON_JOBS, slow)
        await cluster.after(5 * 60)
        first = cluster.state.list(kinds.JOBS)[0]["metadata"]["name"]
        await cluster.after(5 * 60)
        assert len(cluster.state.list(kinds.JOBS)) == left
        assert cluster.has(kinds.JOBS, first) == (policy != "Replace")
        assert len(cluster.get(kinds.CRON_JOBS, "tick")["status"]["active"]) == left

    story()


@simulation.member()
async def test_a_suspended_one_does_nothing(cluster: Simulation) -> None:
    await cluster.create(kinds.CRON_JOBS, cron_job(suspend=True))
    await cluster.after(3600)
    assert cluster.state.list(kinds.JOBS) == []
