"""Sums over nodes and pods, kept one by one, are what a count of all would give."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.kube.resources import ObjectKey
from services.agent.core import capacity, modelings, requests
from services.agent.core.capacity import Ledger, Node
from services.agent.core.requests import FINISHED, Demand, Pod


def node(cpu: str = "4", memory: str = "16Gi", pods: str = "110", *, ready: str = "True", **more: str) -> Node:
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods, **more}
    return msgspec.convert({"status": {"allocatable": allocatable, "conditions": conditions}}, Node)


def pod(*containers: dict[str, str], at: str = "", phase: str = "Running", **spec: Any) -> Demand:
    listed = [{"resources": {"requests": c}} for c in containers]
    spec = {"nodeName": at, "containers": listed, **spec}
    return requests.demand(msgspec.convert({"spec": spec, "status": {"phase": phase}}, Pod))


def key(name: str) -> ObjectKey:
    return ObjectKey("default", name)


CPU, GI = 10**9, 2**30 * 10**9


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        (pod({"cpu": "100m"}, {"cpu": "200m", "memory": "1Gi"}), {"cpu": 3 * CPU // 10, "memory": GI}),
        (pod({"cpu": "100m"}, initContainers=[{"resources": {"requests": {"cpu": "1"}}}]), {"cpu": CPU}),
        (pod({"cpu": "1"}, initContainers=[{"resources": {"requests": {"cpu": "100m"}}}]), {"cpu": CPU}),
        (pod({"cpu": "1"}, overhead={"cpu": "500m"}), {"cpu": 3 * CPU // 2}),
        (pod({"cpu": "0.1m"}), {"cpu": 1_000_000}),
        (pod({"memory": "0.5"}), {"memory": 10**9}),
        (pod({"nvidia.com/gpu": "2", "requests.nvidia.com/gpu": "2", "unheard": "1"}), {"nvidia.com/gpu": 2 * CPU}),
        (
            pod({"hugepages-2Mi": "4Mi", "attachable-volumes-x": "1"}),
            {"hugepages-2Mi": 4 * 2**20 * CPU} | {"attachable-volumes-x": CPU},
        ),
        (pod({"cpu": "0"}), {}),
        (pod(), {}),
    ],
    ids=[
        "containers add up",
        "a larger init container counts",
        "a smaller one does not",
        "overhead comes on top",
        "cpu in thousandths, rounded up",
        "memory whole, rounded up",
        "extended resources, but no quota keys and no unknown names",
        "huge pages and volumes",
        "nothing asked for",
        "no containers",
    ],
)
def test_what_a_pod_takes(demand: Demand, expected: dict[str, int]) -> None:
    assert demand.requests == expected


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_run_to_its_end_takes_nothing(phase: str) -> None:
    assert pod({"cpu": "1"}, at="n1", phase=phase) is FINISHED


def test_pods_without_a_node_are_allocating_and_others_allocated() -> None:
    ledger = Ledger()
    ledger.set_node("n1", capacity.offer(node()))
    ledger.set_pod(key("waits"), pod({"cpu": "500m"}, phase="Pending"))
    ledger.set_pod(key("runs"), pod({"cpu": "1", "memory": "2Gi"}, at="n1"))
    ledger.set_pod(key("starts"), pod({"cpu": "1"}, at="n1", phase="Pending"))
    ledger.set_pod(key("done"), pod({"cpu": "1"}, at="n1", phase="Succeeded"))
    summary = ledger.resource_summary(None)
    assert summary.allocating == {"cpu": "500m", "pods": "1"}
    assert summary.allocated == {"cpu": "2", "memory": "2Gi", "pods": "2"}
    assert summary.allocatable == {"cpu": "4", "memory": "16Gi", "pods": "110"}
    assert summary.allocatable_modelings is None


def test_all_nodes_are_summed_up_and_only_ready_ones_counted_as_ready() -> None:
    ledger = Ledger()
    ledger.set_node("n1", capacity.offer(node(cpu="3900m", memory="16087Mi")))
    ledger.set_node("n2", capacity.offer(node(cpu="2", memory="8Gi", ready="False")))
    assert ledger.resource_summary(None).allocatable == {"cpu": "5900m", "memory": "24279Mi", "pods": "220"}
    counted = ledger.node_summary()
    assert (counted.total_num, counted.ready_num) == (2, 1)


def test_changes_that_do_not_count_are_told_apart() -> None:
    ledger = Ledger()
    assert ledger.set_node("n1", capacity.offer(node()))
    assert not ledger.set_node("n1", capacity.offer(node()))
    assert ledger.set_pod(key("p"), pod({"cpu": "1"}, phase="Pending"))
    assert not ledger.set_pod(key("p"), pod({"cpu": "1"}, phase="Unknown"))
    assert ledger.set_pod(key("p"), pod({"cpu": "1"}, at="n1"))
    assert ledger.set_pod(key("p"), None)
    assert not ledger.set_pod(key("p"), None)


DEMANDS = st.builds(
    pod,
    st.fixed_dictionaries({"cpu": st.sampled_from(["100m", "1", "250m"]), "memory": st.sampled_from(["1Gi", "64Mi"])}),
    at=st.sampled_from(["", "n1", "n2", "unknown"]),
    phase=st.sampled_from(["Running", "Pending", "Succeeded"]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pod"), st.sampled_from("abcd"), st.none() | DEMANDS),
        st.tuples(
            st.just("node"),
            st.sampled_from(["n1", "n2"]),
            st.none() | st.builds(node, st.sampled_from(["1", "4"])).map(capacity.offer),
        ),
    ),
    max_size=30,
)


@given(STEPS)
def test_step_by_step_is_the_same_as_at_once(steps: list[tuple[str, str, Any]]) -> None:
    walked, last = Ledger(), dict[tuple[str, str], Any]()
    for what, name, value in steps:
        last[what, name] = value
        walked.set_pod(key(name), value) if what == "pod" else walked.set_node(name, value)
    fresh = Ledger()
    for (what, name), value in last.items():
        fresh.set_pod(key(name), value) if what == "pod" else fresh.set_node(name, value)
    grades = modelings.grades(modelings.DEFAULT)
    assert walked.resource_summary(grades) == fresh.resource_summary(grades)
    assert walked.node_summary() == fresh.node_summary()
