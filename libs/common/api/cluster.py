"""`cluster.karmada.io/v1alpha1`: Cluster."""

from typing import Annotated, Any, Literal

import msgspec

from libs.common.api.meta import ApiStruct, Condition, ObjectMeta, Quantity, ResourceList, Taint, schema


class LocalSecretReference(ApiStruct, frozen=True, kw_only=True):
    namespace: str
    """Namespace of the Secret."""
    name: str
    """Name of the Secret."""


class ResourceModelRange(ApiStruct, frozen=True, kw_only=True):
    name: str
    """Name of the resource."""
    min: Quantity
    """The least amount, inclusive."""
    max: Quantity
    """The amount from which the next grade begins."""


class ResourceModel(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    grade: int
    """Order of the grade; small grades are small nodes."""
    ranges: list[ResourceModelRange]
    """What a node of this grade has left of each resource."""


_UNLIMITED = str(2**63 - 1)


def _grade(grade: int, cpu: tuple[str, str], memory: tuple[str, str]) -> dict[str, Any]:
    ranges = [{"name": "cpu", "min": cpu[0], "max": cpu[1]}, {"name": "memory", "min": memory[0], "max": memory[1]}]
    return {"grade": grade, "ranges": ranges}


DEFAULT_RESOURCE_MODELS = [
    _grade(0, ("0", "1"), ("0", "4Gi")),
    _grade(1, ("1", "2"), ("4Gi", "16Gi")),
    _grade(2, ("2", "4"), ("16Gi", "32Gi")),
    _grade(3, ("4", "8"), ("32Gi", "64Gi")),
    _grade(4, ("8", "16"), ("64Gi", "128Gi")),
    _grade(5, ("16", "32"), ("128Gi", "256Gi")),
    _grade(6, ("32", "64"), ("256Gi", "512Gi")),
    _grade(7, ("64", "128"), ("512Gi", "1Ti")),
    _grade(8, ("128", _UNLIMITED), ("1Ti", _UNLIMITED)),
]
"""What `spec.resourceModels` of a Cluster is when it says none; the same figures as Karmada's."""


class ClusterSpec(ApiStruct, frozen=True, kw_only=True):
    id: Annotated[str, schema(maxLength=128000)] = ""
    """Identity of the member: the uid of its kube-system Namespace."""
    sync_mode: Literal["Push", "Pull"]
    """Push: an agent beside the hub reaches the member. Pull: an agent inside the member reaches the hub."""
    api_endpoint: str = ""
    """URL of the member's API server."""
    secret_ref: LocalSecretReference | None = None
    """The Secret with `token` and `caBundle` for the member."""
    impersonator_secret_ref: LocalSecretReference | None = None
    """The Secret with the token that may impersonate users in the member."""
    insecure_skip_tls_verification: bool | None = msgspec.field(default=None, name="insecureSkipTLSVerification")
    """Whether the member's certificate goes unchecked."""
    proxy_url: str = msgspec.field(default="", name="proxyURL")
    """Proxy on the way to the member: http, https or socks5."""
    proxy_header: dict[str, str] | None = None
    """Headers for the proxy."""
    provider: str = ""
    """Who runs the member."""
    region: str = ""
    """Region of the member."""
    zone: str = ""
    """Deprecated: use `zones`."""
    zones: list[str] | None = None
    """Zones of the member."""
    taints: list[Taint] | None = None
    """Keep what does not tolerate them away."""
    resource_models: Annotated[list[ResourceModel] | None, schema(default=DEFAULT_RESOURCE_MODELS)] = None
    """Grades by which the free capacity of nodes is summed up."""


class APIResource(ApiStruct, frozen=True, kw_only=True):
    name: str
    """Plural name."""
    kind: str
    """Kind."""


class APIEnablement(ApiStruct, frozen=True, kw_only=True):
    group_version: str
    """Group and version."""
    resources: list[APIResource] | None = None
    """Kinds that it serves."""


class NodeSummary(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    total_num: int = 0
    """Number of nodes."""
    ready_num: int = 0
    """Number of nodes that are ready."""


class AllocatableModeling(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    grade: int
    """The grade."""
    count: int
    """Number of nodes of this grade."""


class ResourceSummary(ApiStruct, frozen=True, kw_only=True):
    allocatable: ResourceList | None = None
    """What all nodes offer."""
    allocating: ResourceList | None = None
    """What pods without a node ask for."""
    allocated: ResourceList | None = None
    """What pods on nodes ask for."""
    allocatable_modelings: list[AllocatableModeling] | None = None
    """Nodes by grade of what they have left."""


class ClusterStatus(ApiStruct, frozen=True, kw_only=True):
    kubernetes_version: str = ""
    """Version of the member's API server."""
    api_enablements: list[APIEnablement] | None = None
    """What the member serves."""
    conditions: list[Condition] | None = None
    """Ready and CompleteAPIEnablements."""
    node_summary: NodeSummary | None = None
    """Nodes in numbers."""
    resource_summary: ResourceSummary | None = None
    """Capacity in numbers."""
    remedy_actions: list[str] | None = None
    """Actions that remedies have asked for."""


class Cluster(ApiStruct, frozen=True, kw_only=True):
    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ClusterSpec
    """How the member is reached, and what it is."""
    status: ClusterStatus | None = None
    """What the member is seen to be."""
