"""`cluster.karmada.io/v1alpha1`: Cluster."""

from typing import Literal

import msgspec

from libs.common.api.meta import ApiStruct, Condition, ObjectMeta, Taint

Quantity = str | int
ResourceList = dict[str, Quantity]


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


class ClusterSpec(ApiStruct, frozen=True, kw_only=True):
    id: str = ""
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
    resource_models: list[ResourceModel] | None = None


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
