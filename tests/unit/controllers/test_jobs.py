"""Jobs: how they end, and what is left of them."""

from typing import Any

import pytest

from libs.sandbox import kinds
from libs.sandbox.controllers import jobs
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

FAILING = {simulated.EXIT_CODE: "1"}
LONG = {simulated.RUN_FOR: "100s"}


def job(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    template = simulation.template(app="task", annotations=annotations, restartPolicy="Never")
    return {"metadata": {"name": "task"}, "spec": {"template": template, **spec}}


@simulation.member()
async def test_a_job_completes(cluster: Simulation) -> None:
    found = await cluster.create(kinds.JOBS, job(completions=3, parallelism=2))
    assert found["status"]["succeeded"] == 3
    assert {each["status"]["phase"] for each in cluster.pods()} == {"Succeeded"}
    assert simulation.condition(found, "SuccessCriteriaMet")["status"] == "True"
    complete = simulation.condition(found, "Complete")
    assert (complete["status"], complete["reason"]) == ("True", "CompletionsReached")
    assert found["status"]["completionTime"] == found["status"]["startTime"]


@simulation.member()
async def test_a_job_that_takes_its_time(cluster: Simulation) -> None:
    found = await cluster.create(kinds.JOBS, job(LONG, completions=1, parallelism=1))
    assert (found["status"]["active"], found["status"]["ready"]) == (1, 1)
    await cluster.after(102)
    assert jobs.ended(cluster.get(kinds.JOBS, "task")) == "Complete"


@simulation.member()
async def test_a_failing_job_gives_up(cluster: Simulation) -> None:
    found = await cluster.create(kinds.JOBS, job(FAILING, completions=1, parallelism=1, backoffLimit=2))
    assert found["status"]["failed"] == 3
    failed = simulation.condition(found, "Failed")
    assert (failed["status"], failed["reason"]) == ("True", "BackoffLimitExceeded")
    assert simulation.condition(found, "FailureTarget")["status"] == "True"


@simulation.member()
async def test_a_deadline(cluster: Simulation) -> None:
    await cluster.create(kinds.JOBS, job(LONG, completions=1, parallelism=1, activeDeadlineSeconds=10))
    await cluster.after(11)
    found = cluster.get(kinds.JOBS, "task")
    assert simulation.condition(found, "Failed")["reason"] == "DeadlineExceeded"
    assert cluster.pods() == []


@simulation.member()
async def test_a_job_goes_when_its_time_has_come(cluster: Simulation) -> None:
    await cluster.create(kinds.JOBS, job(completions=1, parallelism=1, ttlSecondsAfterFinished=30))
    await cluster.after(29)
    assert cluster.has(kinds.JOBS, "task")
    await cluster.after(2)
    assert not cluster.has(kinds.JOBS, "task")
    assert cluster.pods() == []


@simulation.member()
async def test_suspend_and_resume(cluster: Simulation) -> None:
    await cluster.create(kinds.JOBS, job(LONG, completions=2, parallelism=2))
    found = await cluster.edit(kinds.JOBS, "task", suspend=True)
    assert cluster.pods() == []
    assert simulation.condition(found, "Suspended")["status"] == "True"
    assert "startTime" not in found["status"]
    found = await cluster.edit(kinds.JOBS, "task", suspend=False)
    assert len(cluster.pods()) == 2
    assert simulation.condition(found, "Suspended")["reason"] == "JobResumed"


@simulation.member()
async def test_indexes(cluster: Simulation) -> None:
    found = await cluster.create(kinds.JOBS, job(completions=3, parallelism=3, completionMode="Indexed"))
    assert found["status"]["completedIndexes"] == "0-2"
    assert sorted(each["spec"]["hostname"] for each in cluster.pods()) == ["task-0", "task-1", "task-2"]


@pytest.mark.parametrize(
    ("numbers", "written"),
    [pytest.param([], "", id="none"), pytest.param([4, 0, 1, 2], "0-2,4", id="0-2,4"), pytest.param([7], "7", id="7")],
)
def test_ranges_of_indexes(numbers: list[int], written: str) -> None:
    assert jobs.ranges(numbers) == written
    assert list(jobs.indexes(written)) == sorted(numbers)
