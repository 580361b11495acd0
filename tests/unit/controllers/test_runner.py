"""The runner: it lets others work, tries again, and stops nobody."""

import asyncio
from typing import Any

from libs.sandbox import kinds
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

DENIAL: dict[str, Any] = {
    "metadata": {"name": "no-pods"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]
        },
        "validations": [{"expression": "false", "message": "no pods today"}],
    },
}
BINDING: dict[str, Any] = {
    "metadata": {"name": "no-pods"},
    "spec": {"policyName": "no-pods", "validationActions": ["Deny"]},
}


@simulation.member()
async def test_a_burst_leaves_the_loop_to_others(cluster: Simulation) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        other = tasks.create_task(count())
        for number in range(50):
            body = simulation.workload(f"web{number}", replicas=2)
            body["metadata"]["namespace"] = simulation.NAMESPACE
            cluster.state.create(kinds.DEPLOYMENTS, body)
        await cluster.settled()
        other.cancel()
    assert len(cluster.pods()) == 100
    assert turns > 5


@simulation.member()
async def test_what_is_refused_is_said_and_tried_again(cluster: Simulation) -> None:
    await cluster.create(kinds.VALIDATING_ADMISSION_POLICIES, DENIAL)
    await cluster.create(kinds.VALIDATING_ADMISSION_POLICY_BINDINGS, BINDING)
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    await cluster.after(1)
    found = simulation.condition(cluster.get(kinds.DEPLOYMENTS, "web"), "ReplicaFailure")
    assert (found["status"], found["reason"]) == ("True", "FailedCreate")
    assert "no pods today" in found["message"]
    await cluster.delete(kinds.VALIDATING_ADMISSION_POLICY_BINDINGS, "no-pods")
    await cluster.after(60)
    assert len(cluster.pods()) == 2
    conditions = cluster.get(kinds.DEPLOYMENTS, "web")["status"]["conditions"]
    assert "ReplicaFailure" not in {each["type"] for each in conditions}


@simulation.member()
async def test_a_restart_finds_what_was_not_done(cluster: Simulation) -> None:
    cluster.runner.stop()
    body = simulation.workload(replicas=2)
    body["metadata"]["namespace"] = simulation.NAMESPACE
    cluster.state.create(kinds.DEPLOYMENTS, body)
    assert cluster.pods() == []
    cluster.runner.start()
    await cluster.settled()
    assert len(cluster.pods()) == 2
