"""What holds for aggregation whatever the members say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.api.work import AggregatedStatusItem
from libs.common.interpreter import registry

_NUMBERS = st.integers(0, 5)
_WORKLOAD = st.fixed_dictionaries(
    {},
    optional={
        name: _NUMBERS
        for name in (
            "replicas",
            "readyReplicas",
            "updatedReplicas",
            "availableReplicas",
            "unavailableReplicas",
            "observedGeneration",
            "generation",
            "resourceTemplateGeneration",
        )
    },
)
_POINT = st.fixed_dictionaries(
    {},
    optional={
        "ip": st.sampled_from(["", "10.0.0.1", "10.0.0.2"]),
        "hostname": st.sampled_from(["", "a", "b"]),
        "ipMode": st.sampled_from(["VIP", "Proxy"]),
        "ports": st.lists(
            st.fixed_dictionaries({"port": st.sampled_from([80, 443]), "protocol": st.just("TCP")}), max_size=2
        ),
    },
)
_BALANCED = st.fixed_dictionaries({"loadBalancer": st.fixed_dictionaries({"ingress": st.lists(_POINT, max_size=3)})})


def _items(statuses: list[dict[str, Any] | None]) -> list[AggregatedStatusItem]:
    return [
        AggregatedStatusItem(cluster_name=f"m{n}", applied=True, status=status) for n, status in enumerate(statuses)
    ]


def _template(api_version: str, kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "generation": 3},
        "spec": spec,
        "status": {"observedGeneration": 2} if api_version == "apps/v1" else {},
    }


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet"])
@given(statuses=st.lists(st.one_of(st.none(), _WORKLOAD), max_size=5), random=st.randoms(use_true_random=False))
def test_counters_do_not_depend_on_the_order_of_members(
    kind: str, statuses: list[dict[str, Any] | None], random: Any
) -> None:
    shuffled = list(statuses)
    random.shuffle(shuffled)
    template = _template("apps/v1", kind)
    assert registry.aggregate_status(template, _items(shuffled)) == registry.aggregate_status(
        template, _items(statuses)
    )


@given(statuses=st.lists(st.one_of(st.none(), _WORKLOAD), min_size=1, max_size=5))
def test_a_deployment_is_observed_only_when_every_member_has_its_generation(
    statuses: list[dict[str, Any] | None],
) -> None:
    template = _template("apps/v1", "Deployment")
    status = registry.aggregate_status(template, _items(statuses)) or template["status"]
    current = all(
        s is not None
        and s.get("observedGeneration", 0) >= s.get("generation", 0)
        and s.get("resourceTemplateGeneration", 0) >= 3
        for s in statuses
    )
    assert status.get("observedGeneration") == (3 if current else 2)


@given(statuses=st.lists(_WORKLOAD, max_size=4))
def test_aggregating_again_changes_nothing(statuses: list[dict[str, Any] | None]) -> None:
    template = _template("apps/v1", "Deployment")
    status = registry.aggregate_status(template, _items(statuses))
    if status is not None:
        assert registry.aggregate_status({**template, "status": status}, _items(statuses)) is None


@given(statuses=st.lists(_BALANCED, max_size=4), random=st.randoms(use_true_random=False))
def test_points_of_entry_are_the_same_in_any_order_of_members(statuses: list[Any], random: Any) -> None:
    shuffled = list(statuses)
    random.shuffle(shuffled)
    template = _template("v1", "Service", type="LoadBalancer")
    assert registry.aggregate_status(template, _items(shuffled)) == registry.aggregate_status(
        template, _items(statuses)
    )


def test_a_port_that_a_member_names_twice_appears_once() -> None:
    port = {"port": 80, "protocol": "TCP"}
    said = {"loadBalancer": {"ingress": [{"hostname": "a", "ports": [port, port]}]}}
    status = registry.aggregate_status(_template("v1", "Service", type="LoadBalancer"), _items([said]))
    assert status == {"loadBalancer": {"ingress": [{"hostname": "a", "ports": [port]}]}}


@given(statuses=st.lists(_BALANCED, max_size=4))
def test_every_point_of_entry_appears_once(statuses: list[Any]) -> None:
    status = registry.aggregate_status(_template("v1", "Service", type="LoadBalancer"), _items(statuses)) or {}
    shown = [
        (p.get("hostname", ""), p.get("ip", ""), p.get("ipMode"))
        for p in status.get("loadBalancer", {}).get("ingress", ())
    ]
    said = {
        (p.get("hostname", ""), p.get("ip", ""), p.get("ipMode"))
        for s in statuses
        for p in s["loadBalancer"]["ingress"]
    }
    assert len(shown) == len(set(shown))
    assert set(shown) == said
