"""`cluster.karmada.io/v1alpha1`: Cluster."""

from typing import Annotated, Any, Literal

import msgspec

from libs.common.api.meta import ApiStruct, Condition, ObjectMeta, Quantity, ResourceList, Taint, schema


class LocalSecretReference(ApiStruct, frozen=True, kw_only=True):
    namespace: str
    name: str


class ResourceModelRange(ApiStruct, frozen=True, kw_only=True):
    name: str
    min: Quantity
    max: Quantity


class ResourceModel(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    grade: int
    ranges: list[ResourceModelRange]


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
    sync_mode: Literal["Push", "Pull"]
    api_endpoint: str = ""
    secret_ref: LocalSecretReference | None = None
    impersonator_secret_ref: LocalSecretReference | None = None
    insecure_skip_tls_verification: bool | None = msgspec.field(default=None, name="insecureSkipTLSVerification")
    proxy_url: str = msgspec.field(default="", name="proxyURL")
    proxy_header: dict[str, str] | None = None
    provider: str = ""
    region: str = ""
    zone: str = ""
    zones: list[str] | None = None
    taints: list[Taint] | None = None
    resource_models: Annotated[list[ResourceModel] | None, schema(default=DEFAULT_RESOURCE_MODELS)] = None


class APIResource(ApiStruct, frozen=True, kw_only=True):
    name: str
    kind: str


class APIEnablement(ApiStruct, frozen=True, kw_only=True):
    group_version: str
    resources: list[APIResource] | None = None


class NodeSummary(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    total_num: int = 0
    ready_num: int = 0


class AllocatableModeling(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    grade: int
    count: int


class ResourceSummary(ApiStruct, frozen=True, kw_only=True):
    allocatable: ResourceList | None = None
    allocating: ResourceList | None = None
    allocated: ResourceList | None = None
    allocatable_modelings: list[AllocatableModeling] | None = None


class ClusterStatus(ApiStruct, frozen=True, kw_only=True):
    kubernetes_version: str = ""
    api_enablements: list[APIEnablement] | None = None
    conditions: list[Condition] | None = None
    node_summary: NodeSummary | None = None
    resource_summary: ResourceSummary | None = None
    remedy_actions: list[str] | None = None


class Cluster(ApiStruct, frozen=True, kw_only=True):
    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ClusterSpec
    status: ClusterStatus | None = None
