"""`policy.karmada.io/v1alpha1`: PropagationPolicy and ClusterPropagationPolicy."""

from typing import Annotated, Literal

from libs.common.api.meta import ApiStruct, Int32, LabelSelector, ObjectMeta, Toleration, schema


class ResourceSelector(ApiStruct, frozen=True, kw_only=True):
    api_version: str
    """Group and version of the template, as in its own apiVersion."""
    kind: str
    """Kind of the template."""
    namespace: str = ""
    """Namespace of the template. In a namespaced policy it is the policy's own; in a cluster-wide one empty is all."""
    name: str = ""
    """Name of the template; empty for all of the kind. With a name the label selector is not looked at."""
    label_selector: LabelSelector | None = None
    """Selects templates by their labels."""


class FieldSelectorRequirement(ApiStruct, frozen=True, kw_only=True):
    key: str
    """provider, region or zone."""
    operator: str
    """In or NotIn."""
    values: list[str] | None = None
    """The values to compare with."""


class FieldSelector(ApiStruct, frozen=True, kw_only=True):
    match_expressions: list[FieldSelectorRequirement] | None = None
    """Conditions on fields of a Cluster; all must hold."""


class ClusterAffinity(ApiStruct, frozen=True, kw_only=True):
    label_selector: LabelSelector | None = None
    """Selects clusters by their labels."""
    field_selector: FieldSelector | None = None
    """Selects clusters by provider, region and zone."""
    cluster_names: list[str] | None = None
    """Selects clusters by name; empty for all."""
    exclude: list[str] | None = None
    """Names of clusters that are never selected."""


class OverflowClusterAffinity(ClusterAffinity, frozen=True, kw_only=True):
    affinity_name: Annotated[str, schema(minLength=1, maxLength=32)]
    """Names the tier in explanations and in the status of bindings."""


class ClusterAffinityTerm(ClusterAffinity, frozen=True, kw_only=True):
    affinity_name: Annotated[str, schema(minLength=1, maxLength=32)]
    """Names the group of clusters; unique within the policy."""
    overflow_affinities: list[OverflowClusterAffinity] | None = None
    """Further tiers of clusters, which are used one after the other when the group itself has no more room."""


class SpreadConstraint(ApiStruct, frozen=True, kw_only=True):
    spread_by_field: Literal["", "cluster", "region", "zone", "provider"] = ""
    """Groups clusters by this field: cluster, region, zone or provider."""
    spread_by_label: str = ""
    """Groups clusters by the value of this label."""
    max_groups: int = 0
    """The most groups that are used."""
    min_groups: Annotated[int, schema(default=1)] = 0
    """The fewest groups that must be used."""


class StaticClusterWeight(ApiStruct, frozen=True, kw_only=True):
    target_cluster: ClusterAffinity
    """The clusters that have this weight."""
    weight: Annotated[int, schema(minimum=1)]
    """Share of the replicas, relative to the other weights."""


class ClusterPreferences(ApiStruct, frozen=True, kw_only=True):
    static_weight_list: list[StaticClusterWeight] | None = None
    """Fixed weights; clusters that no entry names get nothing."""
    dynamic_weight: Annotated[str, schema(enum=["AvailableReplicas"])] = ""
    """Weights by what clusters have left (AvailableReplicas); the fixed weights are then not looked at."""


class ReplicaSchedulingStrategy(ApiStruct, frozen=True, kw_only=True):
    replica_scheduling_type: Annotated[Literal["Duplicated", "Divided"], schema(default="Divided")] = "Divided"
    """Duplicated gives every cluster all replicas; Divided shares them out."""
    replica_division_preference: Annotated[Literal["", "Aggregated", "Weighted"], schema(default="Weighted")] = ""
    """How Divided shares out: Aggregated into few clusters, or Weighted over all."""
    weight_preference: ClusterPreferences | None = None
    """The weights for Weighted; equal weights if absent."""


class WorkloadAffinityTerm(ApiStruct, frozen=True, kw_only=True):
    group_by_label_key: str
    """Templates with the same value of this label form a group."""


class WorkloadAffinity(ApiStruct, frozen=True, kw_only=True):
    affinity: WorkloadAffinityTerm | None = None
    """Templates of a group go to the same clusters."""
    anti_affinity: WorkloadAffinityTerm | None = None
    """Templates of a group go to different clusters."""


class Placement(ApiStruct, frozen=True, kw_only=True):
    cluster_affinity: ClusterAffinity | None = None
    """The clusters that may be chosen; all if absent."""
    cluster_affinities: list[ClusterAffinityTerm] | None = None
    """Groups of clusters in order of preference; the first that fits is used."""
    cluster_tolerations: list[Toleration] | None = None
    """Taints of clusters that are tolerated."""
    spread_constraints: list[SpreadConstraint] | None = None
    """How the choice spreads over groups of clusters."""
    replica_scheduling: ReplicaSchedulingStrategy | None = None
    """How replicas are shared out; every cluster gets all of them if absent."""
    workload_affinity: WorkloadAffinity | None = None
    """Which templates stay together or apart."""


class StatePreservationRule(ApiStruct, frozen=True, kw_only=True):
    alias_label_name: str
    """The label that carries the value to the new cluster."""
    json_path: str
    """Where in the object's status the value stands."""


class StatePreservation(ApiStruct, frozen=True, kw_only=True):
    rules: list[StatePreservationRule]
    """Values that are carried along when a workload moves."""


class DecisionConditions(ApiStruct, frozen=True, kw_only=True):
    toleration_seconds: Annotated[Int32 | None, schema(default=300)] = None
    """How long an application may be unhealthy before it is moved, in seconds."""


class ApplicationFailover(ApiStruct, frozen=True, kw_only=True):
    decision_conditions: DecisionConditions
    """When an application is moved."""
    purge_mode: Annotated[Literal["", "Directly", "Gracefully", "Never"], schema(default="Gracefully")] = ""
    """When the old copy goes: Directly before the new one starts, Gracefully after it is healthy, Never by itself."""
    grace_period_seconds: Int32 | None = None
    """How long Gracefully waits, in seconds; 600 if absent."""
    state_preservation: StatePreservation | None = None
    """What is carried to the new cluster."""


class ClusterFailover(ApiStruct, frozen=True, kw_only=True):
    purge_mode: Annotated[Literal["", "Directly", "Gracefully"], schema(default="Gracefully")] = ""
    """When the copy in the failed cluster goes: Directly or Gracefully."""
    state_preservation: StatePreservation | None = None
    """What is carried to the new cluster."""


class FailoverBehavior(ApiStruct, frozen=True, kw_only=True):
    application: ApplicationFailover | None = None
    """Moves applications that stay unhealthy; off if absent."""
    cluster: ClusterFailover | None = None
    """How workloads leave clusters that fail."""


class SuspendClusters(ApiStruct, frozen=True, kw_only=True):
    cluster_names: list[str] | None = None
    """Names of clusters."""


class Suspension(ApiStruct, frozen=True, kw_only=True):
    dispatching: bool | None = None
    """Nothing more is sent to any cluster while this is true."""
    dispatching_on_clusters: SuspendClusters | None = None
    """Nothing more is sent to these clusters."""


class SchedulePriority(ApiStruct, frozen=True, kw_only=True):
    priority_class_source: Annotated[str, schema(enum=["KubePriorityClass"])]
    """Where the class is looked up; KubePriorityClass is a PriorityClass on the hub."""
    priority_class_name: str
    """Name of the class; its value orders the scheduling queue."""


class PropagationSpec(ApiStruct, frozen=True, kw_only=True):
    resource_selectors: Annotated[list[ResourceSelector], schema(minItems=1)]
    """The templates that the policy propagates."""
    association: bool | None = None
    """Not used."""
    propagate_deps: bool = False
    """Whether what a template refers to (ConfigMaps, Secrets, ...) is propagated with it."""
    placement: Placement | None = None
    """Where templates go."""
    priority: Annotated[Int32 | None, schema(default=0)] = None
    """Which policy claims a template that several select: the highest."""
    preemption: Annotated[Literal["Always", "Never", ""], schema(default="Never")] = ""
    """Whether this policy takes templates over from policies of lower priority."""
    dependent_overrides: list[str] | None = None
    """Override policies that must exist before this policy takes effect."""
    scheduler_name: Annotated[str, schema(default="default-scheduler")] = ""
    """The scheduler that decides; it cannot be changed later."""
    failover: FailoverBehavior | None = None
    """When and how workloads move to other clusters."""
    conflict_resolution: Annotated[Literal["Abort", "Overwrite", ""], schema(default="Abort")] = ""
    """What happens when a cluster has such an object already: Abort leaves it alone, Overwrite takes it over."""
    activation_preference: Literal["Lazy", ""] = ""
    """Lazy lets changes of this policy wait until the template changes."""
    suspension: Suspension | None = None
    """Holds back what would be sent to clusters."""
    preserve_resources_on_deletion: bool | None = None
    """Whether objects stay in the clusters when their template is deleted."""
    schedule_priority: SchedulePriority | None = None
    """Priority in the scheduling queue."""


class PropagationPolicy(ApiStruct, frozen=True, kw_only=True):
    """A PropagationPolicy, or a ClusterPropagationPolicy when `metadata.namespace` is empty."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PropagationSpec
    """What is propagated, and where to."""
