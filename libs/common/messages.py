"""What travels on the bus: the full desired or observed state of one thing, never a delta.

Every message about an object names the hub, the cluster, the template, the origin and an order, so that lost, repeated
and late messages change nothing in the end: a reader drops what has a lower order than the last on that subject.
Messages ignore fields they do not know, and every new field has a default.
"""

from typing import Literal

import msgspec

from libs.common.api.cluster import APIEnablement, NodeSummary, ResourceModel, ResourceSummary
from libs.common.api.meta import Condition, Taint
from libs.common.api.policy import Placement
from libs.common.api.work import (
    BindingSchedulePriority,
    Component,
    GracefulEvictionTask,
    Health,
    ReplicaRequirements,
    TargetCluster,
    TargetComponent,
    WorkloadAffinityGroups,
)


def _null() -> msgspec.Raw:
    return msgspec.Raw(b"null")


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all messages share: camelCase names as in Kubernetes."""


class Order(Message, frozen=True, kw_only=True, order=True):
    """When policy said something: later is greater. A new `epoch` begins at each take-over, `seq` rises in it."""

    epoch: int = 0
    seq: int = 0


class Origin(Message, frozen=True, kw_only=True):
    """The hub object that decides: a ResourceBinding, a ClusterResourceBinding, or a Namespace to be synced."""

    kind: str
    namespace: str = ""
    name: str
    uid: str


class TemplateRef(Message, frozen=True, kw_only=True):
    """The user's object on the hub."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str
    uid: str
    generation: int = 0
    resource_version: str = ""


class Removal(Message, frozen=True, kw_only=True):
    """An object that must go from a member: only the one that carries this template uid."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str
    template_uid: str


# ---- scheduling ------------------------------------------------------------------------------------------------------


class BindingRequest(Message, frozen=True, kw_only=True):
    """`binding.request`: policy asks where a template goes. `digest` is over all inputs below it."""

    hub_uid: str
    namespace: str = ""
    name: str
    """Namespace and name of the binding."""
    template: TemplateRef
    order: Order
    digest: str
    cluster_revision: str = ""
    """resourceVersion of the Cluster change that caused the request; the scheduler waits for its mirror to reach it."""
    placement: Placement | None = None
    replicas: int = 0
    replica_requirements: ReplicaRequirements | None = None
    components: list[Component] | None = None
    workload: bool = False
    """Whether the template has replicas at all (a Deployment), or is only copied (a ConfigMap)."""
    clusters: list[TargetCluster] = []
    """Where it is now."""
    affinity_name: str = ""
    """The affinity term in use now."""
    graceful_eviction_tasks: list[GracefulEvictionTask] = []
    reschedule_triggered_at: str | None = None
    last_scheduled_time: str | None = None
    priority: BindingSchedulePriority | None = None
    workload_affinity_groups: WorkloadAffinityGroups | None = None


class PlacedCluster(Message, frozen=True, kw_only=True):
    """A chosen cluster and what it gets."""

    name: str
    uid: str
    replicas: int = 0
    components: list[TargetComponent] | None = None
    """For a template of several components, whose sets are placed whole."""


class StepVerdict(Message, frozen=True, kw_only=True):
    """What one plug-in said of one cluster. A score is given by scoring steps only."""

    step: str
    plugin: str
    score: int | None = None
    reason: str = ""


class ClusterVerdict(Message, frozen=True, kw_only=True):
    """Why a cluster was chosen or not."""

    cluster: str
    chosen: bool
    replicas: int = 0
    reason: str = ""
    """The first reason against it; empty for a chosen cluster."""
    steps: list[StepVerdict] = []


class Explanation(Message, frozen=True, kw_only=True):
    """How a placement came about: a verdict per cluster, in order of name, and a line per decision on all of them."""

    summary: str = ""
    affinity_name: str = ""
    clusters: list[ClusterVerdict] = []
    notes: list[str] = []


SchedulingFailure = Literal["NoClusterFit", "Unschedulable", "SchedulerError", "QuotaExceeded"]


class Placed(Message, frozen=True, kw_only=True):
    """`binding.placed`: the scheduler's answer to the request of that digest and order."""

    hub_uid: str
    namespace: str = ""
    name: str
    template_uid: str
    order: Order
    digest: str
    cluster_revision: str = ""
    """Up to which resourceVersion of the hub the scheduler knew every change of a Cluster."""
    clusters: list[PlacedCluster] = []
    affinity_name: str = ""
    failure: SchedulingFailure | None = None
    message: str = ""
    explanation: Explanation = Explanation()


# ---- works and their status ------------------------------------------------------------------------------------------


class Work(Message, frozen=True, kw_only=True):
    """`work.<cluster>`: what one member must have (`apply`) or must no longer have (`delete`) of one origin."""

    op: Literal["apply", "delete"]
    hub_uid: str
    cluster: str
    cluster_uid: str
    origin: Origin
    template: TemplateRef
    order: Order
    digest: str = ""
    """Over the manifest and the flags below it; what beats compare."""
    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    """Identity of the member object; overrides may have changed it, so it can differ from the template's."""
    manifest: msgspec.Raw = msgspec.field(default_factory=_null)
    conflict_resolution: Literal["abort", "overwrite"] = "abort"
    preserve_on_deletion: bool = False
    suspended: bool = False
    removes: list[Removal] = []
    """What else stood here before and has not been reported gone."""


class WorkStatus(Message, frozen=True, kw_only=True):
    """`status.<cluster>`: what became of a work, and what the member object says of itself."""

    hub_uid: str
    cluster: str
    cluster_uid: str
    origin: Origin
    template: TemplateRef
    order: Order
    """The order of the work that this speaks of."""
    api_version: str = ""
    kind: str = ""
    object_namespace: str = ""
    object_name: str = ""
    applied: bool | None = None
    """None: not tried, because dispatching was suspended before anything was applied."""
    message: str = ""
    """The member's own words where applying failed."""
    status: msgspec.Raw = msgspec.field(default_factory=_null)
    """What the interpreter reflects of the object's status."""
    health: Health = "Unknown"
    behind: bool = False
    """The member's controllers have not seen the object as it is: `interpreter.registry.is_behind`."""
    observed_at: str = ""


class Gone(Message, frozen=True, kw_only=True):
    """`gone.<cluster>`: these objects of that origin are no longer in the member, up to that order."""

    hub_uid: str
    cluster: str
    cluster_uid: str
    origin: Origin
    order: Order
    removed: list[Removal] = []
    preserved: bool = False
    """The objects live on in the member, released."""


class Outcome(Message, frozen=True, kw_only=True):
    """`outcome`: policy tells the status-aggregator what a binding's status must say about scheduling and targets."""

    hub_uid: str
    origin: Origin
    template: TemplateRef
    order: Order
    expected: dict[str, Order] = {}
    """Each cluster that has a work for this origin now, with the order of that work."""
    clusters: dict[str, str] = {}
    """Uid of each of those clusters."""
    failures: dict[str, str] = {}
    """Clusters whose work cannot be made (an override does not fit), and why."""
    scheduled: Condition | None = None
    scheduler_observed_generation: int = 0
    affinity_name: str = ""
    last_scheduled_time: str | None = None
    deleted: bool = False


# ---- clusters --------------------------------------------------------------------------------------------------------


class CapacityReport(Message, frozen=True, kw_only=True):
    """`capacity.<cluster>`: facts about a member, whole."""

    hub_uid: str
    cluster: str
    cluster_uid: str
    member_id: str = ""
    """The uid of the member's kube-system Namespace."""
    revision: int
    """Rises with each report of one agent's life; compared together with `agent`."""
    agent: str
    """Which life of the agent speaks."""
    counts_order: Order = Order()
    """The highest work order whose effect these figures include."""
    ready: Literal["True", "False", "Unknown"] = "Unknown"
    ready_reason: str = ""
    ready_message: str = ""
    kubernetes_version: str = ""
    api_enablements: list[APIEnablement] = []
    api_complete: Literal["Complete", "Partial", "Empty", ""] = ""
    node_summary: NodeSummary | None = None
    resource_summary: ResourceSummary | None = None
    observed_at: str = ""


class Beat(Message, frozen=True, kw_only=True):
    """`beat.<cluster>` (core NATS): the agent lives, and this is what it knows and has applied."""

    hub_uid: str
    cluster: str
    cluster_uid: str
    agent: str
    sent_at: str
    works: int = 0
    known_digest: str = ""
    """Over (origin, order-independent work digest) of all works the agent knows; empty while it still reads them."""
    applied_digest: str = ""
    """The same over what stands in the member as it should. Where it stays behind, the member is looked at."""
    highest_order: Order = Order()
    stream_created: str = ""
    """Which life of the stream WORKS the agent reads."""
    stream_seq: int = 0
    highest_hub_version: int = 0
    """The highest resourceVersion of the hub that any work named."""
    api_reachable: bool = True


class InventoryItem(Message, frozen=True, kw_only=True):
    """An object that stands in a member under our owner label."""

    origin: Origin
    api_version: str
    kind: str
    namespace: str = ""
    name: str
    template_uid: str
    order: Order = Order()
    digest: str = ""


class InventoryRequest(Message, frozen=True, kw_only=True):
    """`call.<cluster>.inventory`: asks an agent what stands in its member under this owner."""

    hub_uid: str
    cluster_uid: str


class Inventory(Message, frozen=True, kw_only=True):
    """The answer: everything that carries the owner label, read from the member itself."""

    hub_uid: str
    cluster: str
    cluster_uid: str
    items: list[InventoryItem] = []
    incomplete: str = ""
    """Why something may be missing: kinds that could not be listed, in the member's words. Empty: the list is whole."""


# ---- the cluster table in Redis --------------------------------------------------------------------------------------


class ClusterEntry(Message, frozen=True, kw_only=True):
    """One row of the cluster table: what the scheduler knows of a member. Written by the status-aggregator."""

    name: str
    uid: str
    resource_version: str = ""
    labels: dict[str, str] = {}
    provider: str = ""
    region: str = ""
    zones: list[str] = []
    taints: list[Taint] = []
    deleting: bool = False
    sync_mode: str = "Push"
    ready: str = "Unknown"
    api_complete: bool = False
    api_enablements: dict[str, list[str]] = {}
    """groupVersion -> kinds."""
    resource_summary: ResourceSummary | None = None
    """None: capacity unknown, which is not zero."""
    resource_models: list[ResourceModel] = []
    """`spec.resourceModels` of the Cluster: what a node of each grade has at least."""
    capacity_revision: str = ""


# ---- events ----------------------------------------------------------------------------------------------------------


class PolicyOutcome(Message, frozen=True, kw_only=True):
    """Data of `event.policy`, and the answer to who published a policy."""

    event_id: str
    accepted: bool
    operation: Literal["applied", "deleted"]
    kind: str
    namespace: str = ""
    name: str
    message: str = ""
    resource_version: str = ""
