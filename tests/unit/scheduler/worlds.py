"""Builders of clusters and requests that read as sentences."""

from typing import Any

from libs.common.api.cluster import AllocatableModeling, ResourceModel, ResourceModelRange, ResourceSummary
from libs.common.api.meta import LabelSelector, ResourceList, Taint
from libs.common.api.policy import (
    ClusterAffinity,
    ClusterPreferences,
    Placement,
    ReplicaSchedulingStrategy,
    SpreadConstraint,
    StaticClusterWeight,
)
from libs.common.api.work import ReplicaRequirements, TargetCluster
from libs.common.messages import BindingRequest, ClusterEntry, Order, Placed, TemplateRef

DEPLOYMENT, CONFIG_MAP = ("apps/v1", "Deployment"), ("v1", "ConfigMap")


def cluster(name: str, *, pods: int | None = 100, taints: tuple[str, ...] = (), **facts: Any) -> ClusterEntry:
    """A cluster with room for so many pods; None: nobody knows how many. Taints are `key=value:Effect`."""
    room: ResourceList = {"pods": pods or 0, "cpu": "1000", "memory": "1000Gi"}
    usual: dict[str, Any] = {
        "api_enablements": {"apps/v1": ["Deployment"], "v1": ["ConfigMap"]},
        "resource_summary": ResourceSummary(allocatable=room) if pods is not None else None,
    }
    return ClusterEntry(name=name, uid=f"uid-{name}", taints=[_taint(text) for text in taints], **{**usual, **facts})


def _taint(text: str) -> Taint:
    about, effect = text.split(":")
    key, _, value = about.partition("=")
    return Taint(key=key, value=value, effect=effect)


def modelled(name: str, counts: dict[int, int], grades: dict[int, str], *, pods: int = 10_000) -> ClusterEntry:
    """A cluster whose nodes are counted by grade; a grade has at least so much cpu."""
    return cluster(
        name,
        resource_summary=ResourceSummary(
            allocatable={"pods": pods, "cpu": "1"},
            allocatable_modelings=[AllocatableModeling(grade=g, count=n) for g, n in counts.items()],
        ),
        resource_models=[
            ResourceModel(grade=g, ranges=[ResourceModelRange(name="cpu", min=least, max="1000")])
            for g, least in grades.items()
        ],
    )


def request(
    replicas: int | None = None,
    *,
    now: dict[str, int] | None = None,
    cpu: str = "",
    uid: str = "",
    placement: Placement | None = None,
    **fields: Any,
) -> BindingRequest:
    """A request for a Deployment of so many replicas, or for a ConfigMap."""
    api_version, kind = CONFIG_MAP if replicas is None else DEPLOYMENT
    requirements = ReplicaRequirements(resource_request={"cpu": cpu} if cpu else None)
    return BindingRequest(
        hub_uid="hub",
        namespace="default",
        name="a",
        template=TemplateRef(api_version=api_version, kind=kind, namespace="default", name="a", uid=uid),
        order=Order(epoch=1, seq=1),
        digest="d",
        placement=placement,
        replicas=replicas or 0,
        replica_requirements=requirements if replicas is not None else None,
        workload=replicas is not None,
        clusters=[TargetCluster(name=name, replicas=count) for name, count in (now or {}).items()],
        **fields,
    )


def duplicated(**fields: Any) -> Placement:
    return Placement(replica_scheduling=ReplicaSchedulingStrategy(replica_scheduling_type="Duplicated"), **fields)


def aggregated(**fields: Any) -> Placement:
    return Placement(replica_scheduling=_divided("Aggregated"), **fields)


def dynamic(**fields: Any) -> Placement:
    preference = ClusterPreferences(dynamic_weight="AvailableReplicas")
    return Placement(replica_scheduling=_divided("Weighted", preference), **fields)


def static(weights: dict[str, int] | None = None, **fields: Any) -> Placement:
    """Weights by cluster name; None: no weights, so all are equal."""
    rules = [
        StaticClusterWeight(target_cluster=ClusterAffinity(cluster_names=[name]), weight=weight)
        for name, weight in (weights or {}).items()
    ]
    preference = ClusterPreferences(static_weight_list=rules) if weights is not None else None
    return Placement(replica_scheduling=_divided("Weighted", preference), **fields)


def _divided(preference: Any, weights: ClusterPreferences | None = None) -> ReplicaSchedulingStrategy:
    return ReplicaSchedulingStrategy(
        replica_scheduling_type="Divided", replica_division_preference=preference, weight_preference=weights
    )


def spread(field: Any, least: int, most: int) -> SpreadConstraint:
    return SpreadConstraint(spread_by_field=field, min_groups=least, max_groups=most)


def named(*names: str) -> ClusterAffinity:
    return ClusterAffinity(cluster_names=list(names))


def labelled(**labels: str) -> ClusterAffinity:
    return ClusterAffinity(label_selector=LabelSelector(match_labels=labels))


def replicas(placed: Placed) -> dict[str, int]:
    """What was placed, by cluster."""
    assert placed.failure is None, placed.message
    return {c.name: c.replicas for c in placed.clusters}


def reasons(placed: Placed) -> dict[str, str]:
    """Why clusters were not chosen."""
    return {v.cluster: v.reason for v in placed.explanation.clusters if not v.chosen}
