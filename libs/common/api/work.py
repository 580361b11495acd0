"""`work.karmada.io/v1alpha2`: ResourceBinding and ClusterResourceBinding."""

from typing import Annotated, Any, Literal

from libs.common.api.meta import ApiStruct, Condition, Int32, ObjectMeta, ResourceList, Time, Toleration, schema
from libs.common.api.policy import FailoverBehavior, Placement, Suspension

Health = Literal["Healthy", "Unhealthy", "Unknown"]
_REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"


class ObjectReference(ApiStruct, frozen=True, kw_only=True):
    api_version: str
    kind: str
    namespace: str = ""
    name: str
    uid: str = ""
    resource_version: str = ""


class NodeClaim(ApiStruct, frozen=True, kw_only=True):
    hard_node_affinity: dict[str, Any] | None = None
    node_selector: dict[str, str] | None = None
    tolerations: list[Toleration] | None = None


class ReplicaRequirements(ApiStruct, frozen=True, kw_only=True):
    node_claim: NodeClaim | None = None
    resource_request: ResourceList | None = None
    namespace: str = ""
    priority_class_name: str = ""


class ComponentRequirements(ApiStruct, frozen=True, kw_only=True):
    node_claim: NodeClaim | None = None
    resource_request: ResourceList | None = None
    priority_class_name: str = ""


class Component(ApiStruct, frozen=True, kw_only=True):
    name: Annotated[str, schema(maxLength=32)]
    replicas: Int32
    replica_requirements: ComponentRequirements | None = None


class TargetComponent(ApiStruct, frozen=True, kw_only=True):
    name: str
    replicas: Int32


class TargetCluster(ApiStruct, frozen=True, kw_only=True):
    name: str
    replicas: Int32 = 0
    components: list[TargetComponent] | None = None


class BindingSnapshot(ApiStruct, frozen=True, kw_only=True):
    namespace: str = ""
    name: str
    clusters: list[TargetCluster] | None = None


class GracefulEvictionTask(ApiStruct, frozen=True, kw_only=True):
    from_cluster: str
    purge_mode: Annotated[str, schema(enum=["Directly", "Gracefully", "Never"])] = ""
    replicas: Int32 | None = None
    reason: Annotated[str, schema(required=True, minLength=1, maxLength=32, pattern=_REASON)] = ""
    message: Annotated[str, schema(maxLength=1024)] = ""
    producer: Annotated[str, schema(required=True)] = ""
    grace_period_seconds: Int32 | None = None
    suppress_deletion: bool | None = None
    preserved_label_state: dict[str, str] | None = None
    creation_timestamp: Time | None = None
    clusters_before_failover: list[str] | None = None


class BindingSuspension(Suspension, frozen=True, kw_only=True):
    scheduling: bool | None = None


class BindingSchedulePriority(ApiStruct, frozen=True, kw_only=True):
    priority: Annotated[Int32, schema(default=0)] = 0


class WorkloadAffinityGroups(ApiStruct, frozen=True, kw_only=True):
    affinity_group: str = ""
    anti_affinity_group: str = ""


class BindingSpec(ApiStruct, frozen=True, kw_only=True):
    resource: ObjectReference
    propagate_deps: bool = False
    replica_requirements: ReplicaRequirements | None = None
    replicas: Int32 = 0
    components: list[Component] | None = None
    clusters: list[TargetCluster] | None = None
    placement: Placement | None = None
    graceful_eviction_tasks: list[GracefulEvictionTask] | None = None
    required_by: list[BindingSnapshot] | None = None
    scheduler_name: str = ""
    failover: FailoverBehavior | None = None
    conflict_resolution: Annotated[Literal["Abort", "Overwrite", ""], schema(default="Abort")] = ""
    reschedule_triggered_at: Time | None = None
    suspension: BindingSuspension | None = None
    preserve_resources_on_deletion: bool | None = None
    schedule_priority: BindingSchedulePriority | None = None
    workload_affinity_groups: WorkloadAffinityGroups | None = None


class AggregatedStatusItem(ApiStruct, frozen=True, kw_only=True):
    cluster_name: str
    status: Annotated[Any, schema(type="object")] = None
    applied: bool = False
    applied_message: str = ""
    health: Health | Literal[""] = ""


class BindingStatus(ApiStruct, frozen=True, kw_only=True):
    scheduler_observed_generation: int = 0
    # the JSON name differs from Karmada's Go name, and is kept
    scheduler_observing_affinity_name: str = ""
    last_scheduled_time: Time | None = None
    conditions: list[Condition] | None = None
    aggregated_status: list[AggregatedStatusItem] | None = None


class ResourceBinding(ApiStruct, frozen=True, kw_only=True):
    """A ResourceBinding, or a ClusterResourceBinding when `metadata.namespace` is empty."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: BindingSpec
    status: BindingStatus | None = None
