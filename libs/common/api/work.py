"""`work.karmada.io/v1alpha2`: ResourceBinding and ClusterResourceBinding."""

from typing import Annotated, Any, Literal

from libs.common.api.meta import ApiStruct, Condition, Int32, ObjectMeta, ResourceList, Time, Toleration, schema
from libs.common.api.policy import FailoverBehavior, Placement, Suspension

Health = Literal["Healthy", "Unhealthy", "Unknown"]
_REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"


class ObjectReference(ApiStruct, frozen=True, kw_only=True):
    api_version: str
    """Group and version."""
    kind: str
    """Kind."""
    namespace: str = ""
    """Namespace; empty for cluster-scoped kinds."""
    name: str
    """Name."""
    uid: str = ""
    """The uid."""
    resource_version: str = ""
    """The version that was last seen."""


class NodeClaim(ApiStruct, frozen=True, kw_only=True):
    hard_node_affinity: dict[str, Any] | None = None
    """Required node affinity of the pods."""
    node_selector: dict[str, str] | None = None
    """Node selector of the pods."""
    tolerations: list[Toleration] | None = None
    """Tolerations of the pods."""


class ReplicaRequirements(ApiStruct, frozen=True, kw_only=True):
    node_claim: NodeClaim | None = None
    """What the pods ask of nodes."""
    resource_request: ResourceList | None = None
    """What one replica asks for."""
    namespace: str = ""
    """Namespace of the pods."""
    priority_class_name: str = ""
    """Priority class of the pods."""


class ComponentRequirements(ApiStruct, frozen=True, kw_only=True):
    node_claim: NodeClaim | None = None
    """What the pods ask of nodes."""
    resource_request: ResourceList | None = None
    """What one replica asks for."""
    priority_class_name: str = ""
    """Priority class of the pods."""


class Component(ApiStruct, frozen=True, kw_only=True):
    name: Annotated[str, schema(maxLength=32)]
    """Name of the component."""
    replicas: Int32
    """Its replicas in all."""
    replica_requirements: ComponentRequirements | None = None
    """What one replica needs."""


class TargetComponent(ApiStruct, frozen=True, kw_only=True):
    name: str
    """Name of the component."""
    replicas: Int32
    """Its replicas in the cluster."""


class TargetCluster(ApiStruct, frozen=True, kw_only=True):
    name: str
    """Name of the cluster."""
    replicas: Int32 = 0
    """Replicas in the cluster."""
    components: list[TargetComponent] | None = None
    """Replicas by component."""


class BindingSnapshot(ApiStruct, frozen=True, kw_only=True):
    namespace: str = ""
    """Namespace of the binding."""
    name: str
    """Name of the binding."""
    clusters: list[TargetCluster] | None = None
    """Where it is placed."""


class GracefulEvictionTask(ApiStruct, frozen=True, kw_only=True):
    from_cluster: str
    """The cluster that is left."""
    purge_mode: Annotated[str, schema(enum=["Directly", "Gracefully", "Never"])] = ""
    """When the copy there goes."""
    replicas: Int32 | None = None
    """Replicas that were there."""
    reason: Annotated[str, schema(required=True, minLength=1, maxLength=32, pattern=_REASON)] = ""
    """One word for programs."""
    message: Annotated[str, schema(maxLength=1024)] = ""
    """A sentence for people."""
    producer: Annotated[str, schema(required=True)] = ""
    """Who asked for it."""
    grace_period_seconds: Int32 | None = None
    """How long the copy may stay, in seconds."""
    suppress_deletion: bool | None = None
    """Whether the copy stays until a user says otherwise."""
    preserved_label_state: dict[str, str] | None = None
    """Labels for the new copy."""
    creation_timestamp: Time | None = None
    """When it was asked for."""
    clusters_before_failover: list[str] | None = None
    """Where the workload was before."""


class BindingSuspension(Suspension, frozen=True, kw_only=True):
    scheduling: bool | None = None
    """Nothing is scheduled while this is true."""


class BindingSchedulePriority(ApiStruct, frozen=True, kw_only=True):
    priority: Annotated[Int32, schema(default=0)] = 0
    """Place in the scheduling queue; the highest first."""


class WorkloadAffinityGroups(ApiStruct, frozen=True, kw_only=True):
    affinity_group: str = ""
    """`<label key>=<label value>` of the group that stays together."""
    anti_affinity_group: str = ""
    """`<label key>=<label value>` of the group that stays apart."""


class BindingSpec(ApiStruct, frozen=True, kw_only=True):
    resource: ObjectReference
    """The template."""
    propagate_deps: bool = False
    """Whether what the template refers to goes with it."""
    replica_requirements: ReplicaRequirements | None = None
    """What one replica needs."""
    replicas: Int32 = 0
    """Replicas of the template."""
    components: list[Component] | None = None
    """Parts of a workload that has several kinds of pods."""
    clusters: list[TargetCluster] | None = None
    """Where the template goes: the decision of the scheduler."""
    placement: Placement | None = None
    """The policy's rules."""
    graceful_eviction_tasks: list[GracefulEvictionTask] | None = None
    """Clusters that are being left."""
    required_by: list[BindingSnapshot] | None = None
    """Bindings whose templates refer to this one."""
    scheduler_name: str = ""
    """The scheduler that decides."""
    failover: FailoverBehavior | None = None
    """The policy's rules for failures."""
    conflict_resolution: Annotated[Literal["Abort", "Overwrite", ""], schema(default="Abort")] = ""
    """What happens when a cluster has such an object already."""
    reschedule_triggered_at: Time | None = None
    """When a user last asked to schedule anew."""
    suspension: BindingSuspension | None = None
    """Holds back scheduling or sending."""
    preserve_resources_on_deletion: bool | None = None
    """Whether objects stay in the clusters when the template is deleted."""
    schedule_priority: BindingSchedulePriority | None = None
    """Priority in the scheduling queue."""
    workload_affinity_groups: WorkloadAffinityGroups | None = None
    """The groups of the template."""


class AggregatedStatusItem(ApiStruct, frozen=True, kw_only=True):
    cluster_name: str
    """The cluster."""
    status: Annotated[Any, schema(type="object")] = None
    """Status of the object there."""
    applied: bool = False
    """Whether the object was written."""
    applied_message: str = ""
    """Why it was not."""
    health: Health | Literal[""] = ""
    """Healthy, Unhealthy or Unknown."""


class BindingStatus(ApiStruct, frozen=True, kw_only=True):
    scheduler_observed_generation: int = 0
    """The generation that the decision was made for."""
    # the JSON name differs from Karmada's Go name, and is kept
    scheduler_observing_affinity_name: str = ""
    """The group of clusters that was chosen from."""
    last_scheduled_time: Time | None = None
    """When the last decision was made."""
    conditions: list[Condition] | None = None
    """Scheduled and FullyApplied."""
    aggregated_status: list[AggregatedStatusItem] | None = None
    """What became of it in each cluster."""


class ResourceBinding(ApiStruct, frozen=True, kw_only=True):
    """A ResourceBinding, or a ClusterResourceBinding when `metadata.namespace` is empty."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: BindingSpec
    """What is placed, and where."""
    status: BindingStatus | None = None
    """What became of it."""
