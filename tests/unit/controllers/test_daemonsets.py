"""DaemonSets: one pod on each node that takes it."""

from libs.sandbox import kinds
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation


def nodes(cluster: Simulation) -> list[str]:
    return sorted(each["spec"].get("nodeName", "") for each in cluster.pods())


@simulation.member(nodes=3)
async def test_every_node_gets_a_pod(cluster: Simulation) -> None:
    found = await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    assert nodes(cluster) == ["member1-node1", "member1-node2", "member1-node3"]
    assert found["status"] == {
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 3,
        "numberReady": 3,
        "observedGeneration": 1,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }


@simulation.member(nodes=2)
async def test_a_new_node_gets_its_pod(cluster: Simulation) -> None:
    await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    like = cluster.get(kinds.NODES, "member1-node1")
    await cluster.create(kinds.NODES, {"metadata": {"name": "late"}, "status": like["status"]})
    assert "late" in nodes(cluster)


@simulation.member(nodes=2)
async def test_a_tainted_node_loses_its_pod(cluster: Simulation) -> None:
    await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    await cluster.edit(kinds.NODES, "member1-node1", taints=[{"key": "gone", "effect": "NoExecute"}])
    assert nodes(cluster) == ["member1-node2"]


@simulation.member(nodes=2)
async def test_a_node_that_takes_no_new_pods_keeps_its_own(cluster: Simulation) -> None:
    await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    found = await cluster.edit(kinds.NODES, "member1-node1", taints=[{"key": "full", "effect": "NoSchedule"}])
    assert nodes(cluster) == ["member1-node1", "member1-node2"]
    status = cluster.get(kinds.DAEMON_SETS, "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberMisscheduled"]) == (1, 1), found


@simulation.member(nodes=2)
async def test_a_cordoned_node_keeps_its_pod(cluster: Simulation) -> None:
    await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    await cluster.edit(kinds.NODES, "member1-node1", unschedulable=True)
    assert nodes(cluster) == ["member1-node1", "member1-node2"]


@simulation.member(nodes=3)
async def test_a_broken_update_costs_one_pod(cluster: Simulation) -> None:
    await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    broken = simulation.template("registry/does-not-exist", app="agent")
    found = await cluster.edit(kinds.DAEMON_SETS, "agent", template=broken)
    assert (found["status"]["updatedNumberScheduled"], found["status"]["numberAvailable"]) == (1, 2)
    assert found["status"]["numberUnavailable"] == 1


@simulation.member(nodes=3)
async def test_an_update_reaches_every_node(cluster: Simulation) -> None:
    await cluster.create(kinds.DAEMON_SETS, simulation.workload("agent"))
    found = await cluster.edit(kinds.DAEMON_SETS, "agent", template=simulation.template("nginx:2", app="agent"))
    assert found["status"]["updatedNumberScheduled"] == found["status"]["numberAvailable"] == 3
    assert {each["spec"]["containers"][0]["image"] for each in cluster.pods()} == {"nginx:2"}
