"""`policy.karmada.io/v1alpha1`: PropagationPolicy and ClusterPropagationPolicy."""

from typing import Any, Literal

from libs.common.api.meta import ApiStruct, LabelSelector, ObjectMeta, Toleration


class ResourceSelector(ApiStruct, frozen=True, kw_only=True):
    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    label_selector: LabelSelector | None = None


class FieldSelectorRequirement(ApiStruct, frozen=True, kw_only=True):
    key: str
    operator: str
    values: list[str] | None = None


class FieldSelector(ApiStruct, frozen=True, kw_only=True):
    match_expressions: list[FieldSelectorRequirement] | None = None


class ClusterAffinity(ApiStruct, frozen=True, kw_only=True):
    label_selector: LabelSelector | None = None
    field_selector: FieldSelector | None = None
    cluster_names: list[str] | None = None
    exclude: list[str] | None = None


class OverflowClusterAffinity(ClusterAffinity, frozen=True, kw_only=True):
    affinity_name: str


class ClusterAffinityTerm(ClusterAffinity, frozen=True, kw_only=True):
    affinity_name: str
    overflow_affinities: list[OverflowClusterAffinity] | None = None


class SpreadConstraint(ApiStruct, frozen=True, kw_only=True):
    spread_by_field: Literal["", "cluster", "region", "zone", "provider"] = ""
    spread_by_label: str = ""
    max_groups: int = 0
    min_groups: int = 0


class StaticClusterWeight(ApiStruct, frozen=True, kw_only=True):
    target_cluster: ClusterAffinity
    weight: int


class ClusterPreferences(ApiStruct, frozen=True, kw_only=True):
    static_weight_list: list[StaticClusterWeight] | None = None
    dynamic_weight: str = ""


class ReplicaSchedulingStrategy(ApiStruct, frozen=True, kw_only=True):
    replica_scheduling_type: Literal["Duplicated", "Divided"] = "Divided"
    replica_division_preference: Literal["", "Aggregated", "Weighted"] = ""
    weight_preference: ClusterPreferences | None = None


class WorkloadAffinityTerm(ApiStruct, frozen=True, kw_only=True):
    group_by_label_key: str


class WorkloadAffinity(ApiStruct, frozen=True, kw_only=True):
    affinity: WorkloadAffinityTerm | None = None
    anti_affinity: WorkloadAffinityTerm | None = None


class Placement(ApiStruct, frozen=True, kw_only=True):
    cluster_affinity: ClusterAffinity | None = None
    cluster_affinities: list[ClusterAffinityTerm] | None = None
    cluster_tolerations: list[Toleration] | None = None
    spread_constraints: list[SpreadConstraint] | None = None
    replica_scheduling: ReplicaSchedulingStrategy | None = None
    workload_affinity: WorkloadAffinity | None = None


class SuspendClusters(ApiStruct, frozen=True, kw_only=True):
    cluster_names: list[str] | None = None


class Suspension(ApiStruct, frozen=True, kw_only=True):
    dispatching: bool | None = None
    dispatching_on_clusters: SuspendClusters | None = None


class SchedulePriority(ApiStruct, frozen=True, kw_only=True):
    priority_class_source: str
    priority_class_name: str


class PropagationSpec(ApiStruct, frozen=True, kw_only=True):
    resource_selectors: list[ResourceSelector]
    association: bool | None = None
    propagate_deps: bool = False
    placement: Placement | None = None
    priority: int | None = None
    preemption: Literal["Always", "Never", ""] = ""
    dependent_overrides: list[str] | None = None
    scheduler_name: str = ""
    failover: dict[str, Any] | None = None
    conflict_resolution: Literal["Abort", "Overwrite", ""] = ""
    activation_preference: Literal["Lazy", ""] = ""
    suspension: Suspension | None = None
    preserve_resources_on_deletion: bool | None = None
    schedule_priority: SchedulePriority | None = None


class PropagationPolicy(ApiStruct, frozen=True, kw_only=True):
    """A PropagationPolicy, or a ClusterPropagationPolicy when `metadata.namespace` is empty."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PropagationSpec
