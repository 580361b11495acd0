"""Pods on nodes: which one, if any, and how they start and end there."""

from typing import Any

import pytest

from libs.sandbox import bootstrap, kinds
from libs.sandbox.controllers import scheduling
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation


def asking(**requests: str) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": "nginx:1", "resources": {"requests": requests}}]}


def unscheduled(pod: dict[str, Any]) -> str:
    assert pod["status"]["phase"] == "Pending"
    found = simulation.condition(pod, "PodScheduled")
    assert (found["status"], found["reason"]) == ("False", "Unschedulable")
    return str(found["message"])


@simulation.member()
async def test_a_pod_runs_and_is_ready(cluster: Simulation) -> None:
    found = await cluster.create(kinds.PODS, simulation.pod())
    assert found["status"]["phase"] == "Running"
    assert simulation.condition(found, "Ready")["status"] == "True"
    assert found["status"]["podIP"].startswith("10.")
    assert found["spec"]["nodeName"] == "member1-node1"


@simulation.member()
async def test_pods_spread(cluster: Simulation) -> None:
    for number in range(6):
        await cluster.create(kinds.PODS, simulation.pod(f"p{number}"))
    nodes = [each["spec"]["nodeName"] for each in cluster.pods()]
    assert {nodes.count(node) for node in set(nodes)} == {2}


@simulation.member(nodes=2, size=bootstrap.NodeSize(cpu="2"))
async def test_a_pod_that_does_not_fit_waits_for_room(cluster: Simulation) -> None:
    await cluster.create(kinds.PODS, simulation.pod("a", **asking(cpu="1500m")))
    await cluster.create(kinds.PODS, simulation.pod("b", **asking(cpu="1500m")))
    found = await cluster.create(kinds.PODS, simulation.pod("c", **asking(cpu="1")))
    assert unscheduled(found) == "0/2 nodes are available: 2 Insufficient cpu."
    await cluster.delete(kinds.PODS, "a")
    assert cluster.get(kinds.PODS, "c")["status"]["phase"] == "Running"


@simulation.member(nodes=1, size=bootstrap.NodeSize(pods="2"))
async def test_a_node_takes_only_so_many_pods(cluster: Simulation) -> None:
    for name in ("a", "b"):
        await cluster.create(kinds.PODS, simulation.pod(name))
    found = await cluster.create(kinds.PODS, simulation.pod("c"))
    assert unscheduled(found) == "0/1 nodes are available: 1 Too many pods."


@simulation.member(nodes=0)
async def test_without_nodes(cluster: Simulation) -> None:
    found = await cluster.create(kinds.PODS, simulation.pod())
    assert unscheduled(found) == "no nodes available to schedule pods"


@simulation.member(nodes=2)
async def test_reasons_are_counted(cluster: Simulation) -> None:
    await cluster.edit(kinds.NODES, "member1-node1", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    await cluster.edit(kinds.NODES, "member1-node2", unschedulable=True)
    found = await cluster.create(kinds.PODS, simulation.pod())
    reasons = "1 node(s) had untolerated taint {gpu: yes}, 1 node(s) were unschedulable."
    assert unscheduled(found) == f"0/2 nodes are available: {reasons}"


def apart(key: str, **how: Any) -> dict[str, Any]:
    """A rule about pods of the same app."""
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "web"}}, **how}


@simulation.member(nodes=2)
async def test_anti_affinity(cluster: Simulation) -> None:
    body = simulation.workload(replicas=3)
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [apart("kubernetes.io/hostname")]}
    body["spec"]["template"]["spec"]["affinity"] = {"podAntiAffinity": rule}
    await cluster.create(kinds.REPLICA_SETS, body)
    assert sorted(each["spec"].get("nodeName", "") for each in cluster.pods()) == ["", "member1-node1", "member1-node2"]
    (waiting,) = [each for each in cluster.pods() if "nodeName" not in each["spec"]]
    assert unscheduled(waiting) == "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."


@simulation.member(nodes=3)
async def test_affinity_waits_for_the_neighbour(cluster: Simulation) -> None:
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [apart("topology.kubernetes.io/zone")]}
    found = await cluster.create(kinds.PODS, simulation.pod("cache", affinity={"podAffinity": rule}))
    assert "pod affinity" in unscheduled(found)
    await cluster.create(kinds.PODS, simulation.pod("web", nodeSelector={"kubernetes.io/hostname": "member1-node3"}))
    assert cluster.get(kinds.PODS, "cache")["spec"]["nodeName"] == "member1-node3"


@simulation.member(nodes=3)
async def test_even_spread(cluster: Simulation) -> None:
    await cluster.edit(kinds.NODES, "member1-node3", unschedulable=True)
    body = simulation.workload(replicas=4)
    rule = apart("kubernetes.io/hostname", maxSkew=1, whenUnsatisfiable="DoNotSchedule")
    body["spec"]["template"]["spec"]["topologySpreadConstraints"] = [rule]
    await cluster.create(kinds.REPLICA_SETS, body)
    nodes = sorted(each["spec"].get("nodeName", "") for each in cluster.pods())
    assert nodes == ["", "", "member1-node1", "member1-node2"]


@simulation.member(nodes=2)
async def test_a_taint_expels(cluster: Simulation) -> None:
    await cluster.create(kinds.REPLICA_SETS, simulation.workload(replicas=4))
    await cluster.edit(kinds.NODES, "member1-node1", taints=[{"key": "gone", "effect": "NoExecute"}])
    assert {each["spec"]["nodeName"] for each in cluster.pods()} == {"member1-node2"}


@simulation.member(nodes=1)
async def test_a_taint_expels_later_if_it_is_tolerated_for_some_time(cluster: Simulation) -> None:
    toleration = {"key": "gone", "operator": "Exists", "tolerationSeconds": 60}
    await cluster.create(kinds.PODS, simulation.pod(tolerations=[toleration]))
    taint = {"key": "gone", "effect": "NoExecute", "timeAdded": "2030-01-01T00:00:00Z"}
    await cluster.edit(kinds.NODES, "member1-node1", taints=[taint])
    await cluster.after(59)
    assert cluster.has(kinds.PODS, "alone")
    await cluster.after(2)
    assert not cluster.has(kinds.PODS, "alone")


@simulation.member(nodes=1)
async def test_a_node_that_is_not_ready_takes_no_pods(cluster: Simulation) -> None:
    node = cluster.get(kinds.NODES, "member1-node1")
    sick = {**node["status"], "conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]}
    cluster.state.replace(kinds.NODES, {**node, "status": sick}, subresource="status")
    found = await cluster.create(kinds.PODS, simulation.pod())
    assert "node.kubernetes.io/not-ready" in unscheduled(found)


@simulation.member(nodes=1, size=bootstrap.NodeSize(pods="30"))
async def test_a_crowd_that_waits_gets_all_the_room_there_is(cluster: Simulation) -> None:
    await cluster.create(kinds.REPLICA_SETS, simulation.workload("first", replicas=30))
    await cluster.create(kinds.REPLICA_SETS, simulation.workload("second", replicas=100))
    await cluster.edit(kinds.REPLICA_SETS, "first", replicas=5)
    await cluster.after(1)
    assert cluster.get(kinds.REPLICA_SETS, "second")["status"]["readyReplicas"] == 25


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"nodeSelector": {"disk": "ssd"}}, True, id="selector"),
        pytest.param({"nodeSelector": {"disk": "hdd"}}, False, id="other selector"),
        pytest.param({"terms": [{"key": "disk", "operator": "In", "values": ["ssd", "hdd"]}]}, True, id="In"),
        pytest.param({"terms": [{"key": "disk", "operator": "NotIn", "values": ["ssd"]}]}, False, id="NotIn"),
        pytest.param({"terms": [{"key": "cores", "operator": "Gt", "values": ["8"]}]}, True, id="16 > 8"),
        pytest.param({"terms": [{"key": "cores", "operator": "Lt", "values": ["8"]}]}, False, id="16 < 8"),
        pytest.param({"terms": [{"key": "gpu", "operator": "DoesNotExist"}]}, True, id="DoesNotExist"),
    ],
)
def test_node_selectors_and_affinity(spec: dict[str, Any], expected: bool) -> None:
    node = {"metadata": {"name": "n", "labels": {"disk": "ssd", "cores": "16"}}}
    if terms := spec.get("terms"):
        required = {"nodeSelectorTerms": [{"matchExpressions": terms}]}
        spec = {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}
    assert scheduling.matches(spec, node) is expected


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        pytest.param({"key": "k", "value": "v", "effect": "NoSchedule"}, True, id="equal"),
        pytest.param({"key": "k", "value": "w", "effect": "NoSchedule"}, False, id="another value"),
        pytest.param({"key": "k", "operator": "Exists"}, True, id="exists, any effect"),
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False, id="another effect"),
    ],
)
def test_tolerations(toleration: dict[str, str], expected: bool) -> None:
    taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
    assert scheduling.tolerated(taint, [toleration]) is expected


@simulation.member()
async def test_a_slow_start(cluster: Simulation) -> None:
    slow = simulation.pod()
    slow["metadata"]["annotations"] = {simulated.START_AFTER: "10s"}
    found = await cluster.create(kinds.PODS, slow)
    assert found["status"]["phase"] == "Pending"
    assert found["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    await cluster.after(12)
    assert simulation.condition(cluster.get(kinds.PODS, "alone"), "Ready")["status"] == "True"


@simulation.member(nodes=1)
async def test_a_slow_node(cluster: Simulation) -> None:
    node = cluster.get(kinds.NODES, "member1-node1")
    marks = {simulated.START_AFTER: "10s"}
    cluster.state.replace(kinds.NODES, {**node, "metadata": {**node["metadata"], "annotations": marks}})
    found = await cluster.create(kinds.PODS, simulation.pod())
    assert found["status"]["phase"] == "Pending"
    await cluster.after(12)
    assert cluster.get(kinds.PODS, "alone")["status"]["phase"] == "Running"


@simulation.member()
async def test_an_image_that_does_not_exist(cluster: Simulation) -> None:
    broken: dict[str, Any] = {"containers": [{"name": "main", "image": "registry.example/does-not-exist:v1"}]}
    found = await cluster.create(kinds.PODS, simulation.pod(**broken))
    assert found["status"]["phase"] == "Pending"
    assert found["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert simulation.condition(found, "Ready")["reason"] == "ContainersNotReady"


@simulation.member()
async def test_a_pod_that_never_gets_ready(cluster: Simulation) -> None:
    unready = simulation.pod()
    unready["metadata"]["annotations"] = {simulated.READY: "false"}
    found = await cluster.create(kinds.PODS, unready)
    assert found["status"]["phase"] == "Running"
    assert simulation.condition(found, "Ready")["status"] == "False"


@simulation.member()
async def test_a_slow_end(cluster: Simulation) -> None:
    slow = simulation.pod()
    slow["metadata"]["annotations"] = {simulated.STOP_AFTER: "10s"}
    await cluster.create(kinds.PODS, slow)
    await cluster.delete(kinds.PODS, "alone")
    assert cluster.get(kinds.PODS, "alone")["metadata"]["deletionTimestamp"]
    await cluster.after(11)
    assert not cluster.has(kinds.PODS, "alone")


@simulation.member(nodes=2)
async def test_pods_of_a_node_that_went_go_too(cluster: Simulation) -> None:
    await cluster.create(kinds.REPLICA_SETS, simulation.workload(replicas=4))
    await cluster.delete(kinds.NODES, "member1-node1")
    assert {each["spec"]["nodeName"] for each in cluster.pods()} == {"member1-node2"}
    assert len(cluster.pods()) == 4
