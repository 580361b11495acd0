"""StatefulSets: order, revisions, claims."""

from typing import Any

from libs.sandbox import kinds
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

SLOW = {simulated.START_AFTER: "5s"}
BROKEN = "registry/does-not-exist"


def images(cluster: Simulation) -> dict[str, str]:
    return {each["metadata"]["name"]: each["spec"]["containers"][0]["image"] for each in cluster.pods()}


def names(cluster: Simulation) -> list[str]:
    return sorted(images(cluster))


def database(name: str = "db", **spec: Any) -> dict[str, Any]:
    return simulation.workload(name, **{"serviceName": name, "replicas": 3, **spec})


@simulation.member()
async def test_status_of_a_stateful_set(cluster: Simulation) -> None:
    found = await cluster.create(kinds.STATEFUL_SETS, database())
    revision = found["status"]["updateRevision"]
    assert found["status"] == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "availableReplicas": 3,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    assert cluster.has(kinds.CONTROLLER_REVISIONS, revision)


@simulation.member()
async def test_pods_know_their_number(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database())
    found = cluster.get(kinds.PODS, "db-2")
    assert found["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "2"
    assert (found["spec"]["hostname"], found["spec"]["subdomain"]) == ("db-2", "db")


@simulation.member()
async def test_pods_come_one_after_the_other(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database(annotations=SLOW))
    assert names(cluster) == ["db-0"]
    await cluster.after(7)
    assert names(cluster) == ["db-0", "db-1"]
    await cluster.after(14)
    assert names(cluster) == ["db-0", "db-1", "db-2"]


@simulation.member()
async def test_pods_come_together_if_asked(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database(annotations=SLOW, podManagementPolicy="Parallel"))
    assert names(cluster) == ["db-0", "db-1", "db-2"]


@simulation.member()
async def test_the_highest_go_first(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database())
    cluster.events.clear()
    await cluster.edit(kinds.STATEFUL_SETS, "db", replicas=1)
    gone = [each.object["metadata"]["name"] for each in cluster.events if each.type == "DELETED"]
    assert (names(cluster), gone) == (["db-0"], ["db-2", "db-1"])


@simulation.member()
async def test_an_update_goes_downwards_and_moves_the_revision(cluster: Simulation) -> None:
    before = await cluster.create(kinds.STATEFUL_SETS, database())
    found = await cluster.edit(kinds.STATEFUL_SETS, "db", template=simulation.template("nginx:2", app="db"))
    assert set(images(cluster).values()) == {"nginx:2"}
    assert found["status"]["currentRevision"] == found["status"]["updateRevision"]
    assert found["status"]["currentRevision"] != before["status"]["currentRevision"]


@simulation.member()
async def test_a_broken_update_stops_at_the_first_pod(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database())
    found = await cluster.edit(kinds.STATEFUL_SETS, "db", template=simulation.template(BROKEN, app="db"))
    assert images(cluster) == {"db-0": "nginx:1", "db-1": "nginx:1", "db-2": BROKEN}
    assert found["status"]["currentRevision"] != found["status"]["updateRevision"]
    assert (found["status"]["updatedReplicas"], found["status"]["currentReplicas"]) == (1, 2)


@simulation.member()
async def test_a_partition_keeps_the_lower_pods(cluster: Simulation) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    await cluster.create(kinds.STATEFUL_SETS, database(updateStrategy=strategy))
    await cluster.edit(kinds.STATEFUL_SETS, "db", template=simulation.template("nginx:2", app="db"))
    assert images(cluster) == {"db-0": "nginx:1", "db-1": "nginx:1", "db-2": "nginx:2"}
    await cluster.delete(kinds.PODS, "db-0", now=True)
    assert images(cluster)["db-0"] == "nginx:1"


@simulation.member()
async def test_on_delete_waits_for_hands(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database(updateStrategy={"type": "OnDelete"}))
    await cluster.edit(kinds.STATEFUL_SETS, "db", template=simulation.template("nginx:2", app="db"))
    assert set(images(cluster).values()) == {"nginx:1"}
    await cluster.delete(kinds.PODS, "db-1", now=True)
    assert images(cluster)["db-1"] == "nginx:2"


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@simulation.member()
async def test_each_pod_has_its_claims(cluster: Simulation) -> None:
    await cluster.create(kinds.STATEFUL_SETS, database(replicas=2, volumeClaimTemplates=[CLAIM]))
    volumes = cluster.get(kinds.PODS, "db-1")["spec"]["volumes"]
    assert volumes == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}]
    assert cluster.get(kinds.PERSISTENT_VOLUME_CLAIMS, "data-db-1")["status"]["phase"] == "Bound"
    await cluster.delete(kinds.STATEFUL_SETS, "db")
    assert cluster.has(kinds.PERSISTENT_VOLUME_CLAIMS, "data-db-1")


@simulation.member()
async def test_claims_go_if_they_are_not_to_be_kept(cluster: Simulation) -> None:
    policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
    body = database(replicas=2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await cluster.create(kinds.STATEFUL_SETS, body)
    await cluster.edit(kinds.STATEFUL_SETS, "db", replicas=1)
    found = cluster.state.list(kinds.PERSISTENT_VOLUME_CLAIMS)
    assert [each["metadata"]["name"] for each in found] == ["data-db-0"]
    await cluster.delete(kinds.STATEFUL_SETS, "db")
    assert cluster.state.list(kinds.PERSISTENT_VOLUME_CLAIMS) == []
