"""Deployments as users see them: status, conditions, rollouts, pauses, history."""

from typing import Any

from libs.sandbox import kinds
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

BROKEN = "registry/does-not-exist"


def sets(cluster: Simulation) -> dict[str, int]:
    """Sizes of ReplicaSets by their image."""
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in cluster.state.list(kinds.REPLICA_SETS)
    }


def revision(obj: dict[str, Any]) -> str:
    return str(obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


@simulation.member()
async def test_a_deployment_becomes_available(cluster: Simulation) -> None:
    found = await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    status = {key: value for key, value in found["status"].items() if key != "conditions"}
    assert status == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "terminatingReplicas": 0,
    }
    assert simulation.condition(found, "Available")["reason"] == "MinimumReplicasAvailable"
    assert simulation.condition(found, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert revision(found) == "1"


@simulation.member()
async def test_a_deployment_writes_few_statuses(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=5))
    changes = [each.resource.kind for each in cluster.events if each.type == "MODIFIED"]
    assert sorted(changes) == ["Deployment", "Deployment", *["Pod"] * 5, "ReplicaSet"]


@simulation.member()
async def test_a_new_image_replaces_all_pods(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=4))
    found = await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template("nginx:2"))
    assert sets(cluster) == {"nginx:1": 0, "nginx:2": 4}
    assert found["status"]["updatedReplicas"] == found["status"]["availableReplicas"] == 4
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 2
    assert revision(found) == "2"


@simulation.member()
async def test_a_broken_image_stops_the_rollout(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=4))
    found = await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template(BROKEN))
    assert sets(cluster) == {"nginx:1": 3, BROKEN: 2}
    assert found["status"]["availableReplicas"] == 3
    assert simulation.condition(found, "Available")["status"] == "True"
    assert simulation.condition(found, "Progressing")["reason"] == "ReplicaSetUpdated"


@simulation.member()
async def test_no_progress_within_the_deadline(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(image=BROKEN, replicas=1, progressDeadlineSeconds=60))
    assert simulation.condition(cluster.get(kinds.DEPLOYMENTS, "web"), "Progressing")["status"] == "True"
    await cluster.after(61)
    found = simulation.condition(cluster.get(kinds.DEPLOYMENTS, "web"), "Progressing")
    assert (found["status"], found["reason"]) == ("False", "ProgressDeadlineExceeded")


@simulation.member()
async def test_undo_takes_the_old_replica_set_up_again(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template("nginx:2"))
    found = await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template("nginx:1"))
    assert sets(cluster) == {"nginx:1": 2, "nginx:2": 0}
    assert revision(found) == "3"
    first = next(each for each in cluster.state.list(kinds.REPLICA_SETS) if each["spec"]["replicas"])
    assert first["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


@simulation.member()
async def test_history_is_cut_short(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=1, revisionHistoryLimit=1))
    for number in range(2, 5):
        await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template(f"nginx:{number}"))
    assert sets(cluster) == {"nginx:3": 0, "nginx:4": 1}


@simulation.member()
async def test_a_paused_deployment_scales_but_does_not_roll(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    await cluster.edit(kinds.DEPLOYMENTS, "web", paused=True, template=simulation.template("nginx:2"))
    found = await cluster.edit(kinds.DEPLOYMENTS, "web", replicas=3)
    assert sets(cluster) == {"nginx:1": 3}
    assert simulation.condition(found, "Progressing")["reason"] == "DeploymentPaused"
    found = await cluster.edit(kinds.DEPLOYMENTS, "web", paused=False)
    assert sets(cluster) == {"nginx:1": 0, "nginx:2": 3}
    assert simulation.condition(found, "Progressing")["reason"] == "NewReplicaSetAvailable"


@simulation.member()
async def test_recreate_has_never_two_kinds_of_pods(cluster: Simulation) -> None:
    slow = simulation.workload(replicas=2, strategy={"type": "Recreate"}, annotations={simulated.STOP_AFTER: "5s"})
    await cluster.create(kinds.DEPLOYMENTS, slow)
    await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template("nginx:2"))
    assert {each["spec"]["containers"][0]["image"] for each in cluster.pods()} == {"nginx:1"}
    await cluster.after(7)
    assert {each["spec"]["containers"][0]["image"] for each in cluster.pods()} == {"nginx:2"}


@simulation.member()
async def test_scaling_in_the_middle_of_a_rollout(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=10))
    await cluster.edit(kinds.DEPLOYMENTS, "web", template=simulation.template(BROKEN))
    assert sets(cluster) == {"nginx:1": 8, BROKEN: 5}
    await cluster.edit(kinds.DEPLOYMENTS, "web", replicas=20)
    assert sets(cluster) == {"nginx:1": 15, BROKEN: 10}


@simulation.member()
async def test_min_ready_seconds_delay_availability(cluster: Simulation) -> None:
    found = await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=1, minReadySeconds=10))
    assert (found["status"]["readyReplicas"], found["status"].get("availableReplicas", 0)) == (1, 0)
    await cluster.after(11)
    assert cluster.get(kinds.DEPLOYMENTS, "web")["status"]["availableReplicas"] == 1


@simulation.member()
async def test_orphaned_replica_sets_are_adopted(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    before = {each["metadata"]["uid"] for each in cluster.pods()}
    await cluster.delete(kinds.DEPLOYMENTS, "web", propagation="Orphan")
    assert {each["metadata"]["uid"] for each in cluster.pods()} == before
    found = await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    assert found["status"]["availableReplicas"] == 2
    assert {each["metadata"]["uid"] for each in cluster.pods()} == before


@simulation.member()
async def test_deletion_takes_replica_sets_and_pods_along(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=3))
    await cluster.delete(kinds.DEPLOYMENTS, "web")
    assert (sets(cluster), cluster.pods()) == ({}, [])


@simulation.member()
async def test_pods_on_their_way_out_are_counted(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=3, annotations={simulated.STOP_AFTER: "5s"}))
    found = await cluster.edit(kinds.DEPLOYMENTS, "web", replicas=1)
    assert (found["status"]["replicas"], found["status"]["terminatingReplicas"]) == (1, 2)
    await cluster.after(7)
    assert cluster.get(kinds.DEPLOYMENTS, "web")["status"]["terminatingReplicas"] == 0


@simulation.member()
async def test_a_name_that_is_taken_is_avoided(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=1))
    name = cluster.state.list(kinds.REPLICA_SETS)[0]["metadata"]["name"]
    await cluster.delete(kinds.DEPLOYMENTS, "web")
    stranger = simulation.workload("stranger", replicas=1)
    await cluster.create(kinds.REPLICA_SETS, {**stranger, "metadata": {"name": name}})
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=1))
    await cluster.after(1)
    found = cluster.get(kinds.DEPLOYMENTS, "web")
    assert (found["status"]["collisionCount"], found["status"]["availableReplicas"]) == (1, 1)


@simulation.member(hub=True)
async def test_on_a_hub_a_deployment_is_a_template(cluster: Simulation) -> None:
    found = await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=3))
    assert not found.get("status")
    assert (sets(cluster), cluster.pods()) == ({}, [])
