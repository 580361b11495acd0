"""`policy.karmada.io/v1alpha1`: PropagationPolicy and ClusterPropagationPolicy."""

from typing import Annotated, Literal

from libs.common.api.meta import ApiStruct, Int32, LabelSelector, ObjectMeta, Toleration, schema


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
    affinity_name: Annotated[str, schema(minLength=1, maxLength=32)]


class ClusterAffinityTerm(ClusterAffinity, frozen=True, kw_only=True):
    affinity_name: Annotated[str, schema(minLength=1, maxLength=32)]
    overflow_affinities: list[OverflowClusterAffinity] | None = None


class SpreadConstraint(ApiStruct, frozen=True, kw_only=True):
    spread_by_field: Literal["", "cluster", "region", "zone", "provider"] = ""
    spread_by_label: str = ""
    max_groups: int = 0
    min_groups: Annotated[int, schema(default=1)] = 0


class StaticClusterWeight(ApiStruct, frozen=True, kw_only=True):
    target_cluster: ClusterAffinity
    weight: Annotated[int, schema(minimum=1)]


class ClusterPreferences(ApiStruct, frozen=True, kw_only=True):
    static_weight_list: list[StaticClusterWeight] | None = None
    dynamic_weight: Annotated[str, schema(enum=["AvailableReplicas"])] = ""


class ReplicaSchedulingStrategy(ApiStruct, frozen=True, kw_only=True):
    replica_scheduling_type: Annotated[Literal["Duplicated", "Divided"], schema(default="Divided")] = "Divided"
    replica_division_preference: Annotated[Literal["", "Aggregated", "Weighted"], schema(default="Weighted")] = ""
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


class StatePreservationRule(ApiStruct, frozen=True, kw_only=True):
    alias_label_name: str
    json_path: str


class StatePreservation(ApiStruct, frozen=True, kw_only=True):
    rules: list[StatePreservationRule]


class DecisionConditions(ApiStruct, frozen=True, kw_only=True):
    toleration_seconds: Annotated[Int32 | None, schema(default=300)] = None


class ApplicationFailover(ApiStruct, frozen=True, kw_only=True):
    decision_conditions: DecisionConditions
    purge_mode: Annotated[Literal["", "Directly", "Gracefully", "Never"], schema(default="Gracefully")] = ""
    grace_period_seconds: Int32 | None = None
    state_preservation: StatePreservation | None = None


class ClusterFailover(ApiStruct, frozen=True, kw_only=True):
    purge_mode: Annotated[Literal["", "Directly", "Gracefully"], schema(default="Gracefully")] = ""
    state_preservation: StatePreservation | None = None


class FailoverBehavior(ApiStruct, frozen=True, kw_only=True):
    application: ApplicationFailover | None = None
    cluster: ClusterFailover | None = None


class SuspendClusters(ApiStruct, frozen=True, kw_only=True):
    cluster_names: list[str] | None = None


class Suspension(ApiStruct, frozen=True, kw_only=True):
    dispatching: bool | None = None
    dispatching_on_clusters: SuspendClusters | None = None


class SchedulePriority(ApiStruct, frozen=True, kw_only=True):
    priority_class_source: Annotated[str, schema(enum=["KubePriorityClass"])]
    priority_class_name: str


class PropagationSpec(ApiStruct, frozen=True, kw_only=True):
    resource_selectors: Annotated[list[ResourceSelector], schema(minItems=1)]
    association: bool | None = None
    propagate_deps: bool = False
    placement: Placement | None = None
    priority: Annotated[Int32 | None, schema(default=0)] = None
    preemption: Annotated[Literal["Always", "Never", ""], schema(default="Never")] = ""
    dependent_overrides: list[str] | None = None
    scheduler_name: Annotated[str, schema(default="default-scheduler")] = ""
    failover: FailoverBehavior | None = None
    conflict_resolution: Annotated[Literal["Abort", "Overwrite", ""], schema(default="Abort")] = ""
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
