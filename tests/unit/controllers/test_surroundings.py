"""What stands around workloads: Services, volumes, budgets, autoscalers, quotas."""

from typing import Any

import pytest

from libs.sandbox import kinds
from libs.sandbox.controllers import disruption
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

SERVICE = {
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}


def claim(**spec: Any) -> dict[str, Any]:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": "data"}, "spec": {**asked, **spec}}


@simulation.member()
async def test_a_service_has_the_ready_pods_behind_it(cluster: Simulation) -> None:
    await cluster.create(kinds.SERVICES, SERVICE)
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=2))
    addresses = sorted(each["status"]["podIP"] for each in cluster.pods())
    (subset,) = cluster.get(kinds.ENDPOINTS, "web")["subsets"]
    assert sorted(each["ip"] for each in subset["addresses"]) == addresses
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    (found,) = cluster.state.list(kinds.ENDPOINT_SLICES)
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert sorted(each["addresses"][0] for each in found["endpoints"]) == addresses
    assert found["endpoints"][0]["zone"].startswith("eu-central-")


@simulation.member()
async def test_pods_that_are_not_ready_are_no_endpoints(cluster: Simulation) -> None:
    await cluster.create(kinds.SERVICES, SERVICE)
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(annotations={simulated.READY: "false"}, replicas=1))
    (subset,) = cluster.get(kinds.ENDPOINTS, "web")["subsets"]
    assert "addresses" not in subset
    assert len(subset["notReadyAddresses"]) == 1


@simulation.member()
async def test_endpoints_follow_and_go_with_the_service(cluster: Simulation) -> None:
    await cluster.create(kinds.SERVICES, SERVICE)
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=3))
    await cluster.edit(kinds.DEPLOYMENTS, "web", replicas=0)
    assert "subsets" not in cluster.get(kinds.ENDPOINTS, "web")
    await cluster.delete(kinds.SERVICES, "web")
    assert not cluster.has(kinds.ENDPOINTS, "web")
    assert cluster.state.list(kinds.ENDPOINT_SLICES) == []


@simulation.member()
async def test_a_load_balancer_gets_an_address(cluster: Simulation) -> None:
    body = {"metadata": {"name": "web"}, "spec": {**SERVICE["spec"], "type": "LoadBalancer"}}  # type: ignore[dict-item]
    found = await cluster.create(kinds.SERVICES, body)
    assert found["status"]["loadBalancer"]["ingress"][0]["ip"].startswith("172.30.")


@simulation.member()
async def test_a_claim_gets_a_volume_of_its_own(cluster: Simulation) -> None:
    found = await cluster.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim())
    assert found["status"]["phase"] == "Bound"
    assert found["spec"]["storageClassName"] == "standard"
    volume = cluster.get(kinds.PERSISTENT_VOLUMES, found["spec"]["volumeName"])
    assert volume["status"]["phase"] == "Bound"
    last = cluster.get(kinds.PERSISTENT_VOLUME_CLAIMS, "data")
    cluster.state.replace(kinds.PERSISTENT_VOLUME_CLAIMS, {**last, "metadata": {**last["metadata"], "finalizers": []}})
    await cluster.delete(kinds.PERSISTENT_VOLUME_CLAIMS, "data")
    assert cluster.state.list(kinds.PERSISTENT_VOLUMES) == []


@simulation.member()
async def test_a_claim_without_a_class_waits_for_a_volume_that_fits(cluster: Simulation) -> None:
    found = await cluster.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim(storageClassName=""))
    assert found["status"]["phase"] == "Pending"
    volume = {
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/x"},
    }
    await cluster.create(kinds.PERSISTENT_VOLUMES, {"metadata": {"name": "large"}, "spec": volume})
    assert cluster.get(kinds.PERSISTENT_VOLUME_CLAIMS, "data")["spec"]["volumeName"] == "large"


@pytest.mark.parametrize(
    ("bound", "healthy", "expected", "least", "allowed"),
    [
        pytest.param({"minAvailable": 2}, 3, 3, 2, 1, id="2 of 3"),
        pytest.param({"minAvailable": "50%"}, 3, 3, 2, 1, id="50% of 3, rounded up"),
        pytest.param({"maxUnavailable": 1}, 2, 3, 2, 0, id="one is missing already"),
        pytest.param({"maxUnavailable": "100%"}, 3, 3, 0, 3, id="all may go"),
        pytest.param({"minAvailable": 1}, 0, 0, 1, 0, id="no pods"),
    ],
)
def test_budgets(bound: dict[str, Any], healthy: int, expected: int, least: int, allowed: int) -> None:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}
    pods = [{"metadata": {"name": str(n)}, "status": {"conditions": [condition]}} for n in range(healthy)]
    budget = {"metadata": {"name": "b", "generation": 1}, "spec": {"selector": {}, **bound}}
    (written,) = disruption.decide(budget, pods, expected, simulation.BEGIN).actions
    status = written.body["status"]  # type: ignore[union-attr]
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (least, allowed)


@simulation.member()
async def test_a_budget_counts_what_the_workload_asks_for(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=3))
    body = {"metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}
    found = await cluster.create(kinds.POD_DISRUPTION_BUDGETS, body)
    assert found["status"]["expectedPods"] == found["status"]["currentHealthy"] == 3
    assert found["status"]["disruptionsAllowed"] == 1


@simulation.member()
async def test_an_autoscaler_keeps_its_target_within_bounds(cluster: Simulation) -> None:
    await cluster.create(kinds.DEPLOYMENTS, simulation.workload(replicas=1))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 5}}
    found = await cluster.create(kinds.HORIZONTAL_POD_AUTOSCALERS, body)
    assert cluster.get(kinds.DEPLOYMENTS, "web")["spec"]["replicas"] == 3
    assert (found["status"]["currentReplicas"], found["status"]["desiredReplicas"]) == (3, 3)
    assert simulation.condition(found, "ScalingActive")["reason"] == "FailedGetResourceMetric"
    await cluster.edit(kinds.DEPLOYMENTS, "web", replicas=9)
    assert cluster.get(kinds.DEPLOYMENTS, "web")["spec"]["replicas"] == 5


@simulation.member()
async def test_a_quota_counts(cluster: Simulation) -> None:
    hard = {"pods": "10", "requests.cpu": "4", "memory": "1Gi", "count/deployments.apps": "2", "services": "5"}
    await cluster.create(kinds.RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    requests = {"cpu": "250m", "memory": "128Mi"}
    containers = [{"name": "main", "image": "nginx:1", "resources": {"requests": requests}}]
    body = simulation.workload(replicas=2)
    body["spec"]["template"]["spec"]["containers"] = containers
    await cluster.create(kinds.DEPLOYMENTS, body)
    status = cluster.get(kinds.RESOURCE_QUOTAS, "q")["status"]
    assert status["hard"] == hard
    assert status["used"] == {
        "pods": "2",
        "requests.cpu": "500m",
        "memory": "256Mi",
        "count/deployments.apps": "1",
        "services": "1",
    }
