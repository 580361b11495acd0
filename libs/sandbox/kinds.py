"""Kinds as the embedded API servers serve them: the descriptor, and a table of all that Kubernetes has built in.

Short names, categories and subresources are those of kube-apiserver 1.36 (`kubectl api-resources -o wide`).
"""

import functools
from typing import Final

import msgspec

_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Resource(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One kind in one version. `group` is "" for the core API, `plural` its path segment.

    `stored` is the version that objects are kept in. `generation` tells whether the server counts changes of the
    desired state in `metadata.generation`. `verbs` are empty for kinds that only stand as the body of a subresource.
    `custom` marks kinds that a CustomResourceDefinition made.
    """

    group: str = ""
    version: str
    kind: str
    plural: str
    singular: str = ""
    list_kind: str = ""
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = _VERBS
    generation: bool = False
    stored: str = ""
    custom: bool = False
    selectable: tuple[str, ...] = ()
    """Paths besides the usual ones that field selectors may name."""

    @functools.cached_property
    def api_version(self) -> str:
        """`group/version`, or the version alone for the core API."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @functools.cached_property
    def stored_api_version(self) -> str:
        """The apiVersion that stored objects bear."""
        version = self.stored or self.version
        return f"{self.group}/{version}" if self.group else version

    @functools.cached_property
    def table(self) -> str:
        """`plural.group`: names the objects of this kind whatever the version, also in messages to people."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """`Kind.group`, as messages to people write it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


def _row(api_version: str, kind: str, plural: str, marks: str = "", *, short: str = "", sub: str = "") -> Resource:
    """A row of the table. `marks`: `cluster` scope, `gen`eration is counted, `all`: in the category of that name,
    `api-extensions` likewise, `review`: can only be created."""
    group, _, version = api_version.rpartition("/")
    words = marks.split()
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        list_kind=kind + "List",
        namespaced="cluster" not in words,
        short_names=tuple(short.split()),
        categories=tuple(word for word in words if word in ("all", "api-extensions")),
        subresources=tuple(sub.split()),
        verbs=("create",) if "review" in words else _VERBS,
        generation="gen" in words,
        stored=version,
    )


CONFIG_MAPS: Final = _row("v1", "ConfigMap", "configmaps", short="cm")
ENDPOINTS: Final = _row("v1", "Endpoints", "endpoints", short="ep")
EVENTS: Final = _row("v1", "Event", "events", short="ev")
NAMESPACES: Final = _row("v1", "Namespace", "namespaces", "cluster", short="ns", sub="finalize status")
NODES: Final = _row("v1", "Node", "nodes", "cluster", short="no", sub="status")
PERSISTENT_VOLUME_CLAIMS: Final = _row(
    "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short="pvc", sub="status"
)
PERSISTENT_VOLUMES: Final = _row("v1", "PersistentVolume", "persistentvolumes", "cluster", short="pv", sub="status")
PODS: Final = _row("v1", "Pod", "pods", "gen all", short="po", sub="binding eviction log status")
RESOURCE_QUOTAS: Final = _row("v1", "ResourceQuota", "resourcequotas", short="quota", sub="status")
SECRETS: Final = _row("v1", "Secret", "secrets")
SERVICE_ACCOUNTS: Final = _row("v1", "ServiceAccount", "serviceaccounts", short="sa", sub="token")
SERVICES: Final = _row("v1", "Service", "services", "all", short="svc", sub="status")

DAEMON_SETS: Final = _row("apps/v1", "DaemonSet", "daemonsets", "gen all", short="ds", sub="status")
DEPLOYMENTS: Final = _row("apps/v1", "Deployment", "deployments", "gen all", short="deploy", sub="scale status")
REPLICA_SETS: Final = _row("apps/v1", "ReplicaSet", "replicasets", "gen all", short="rs", sub="scale status")
STATEFUL_SETS: Final = _row("apps/v1", "StatefulSet", "statefulsets", "gen all", short="sts", sub="scale status")
CONTROLLER_REVISIONS: Final = _row("apps/v1", "ControllerRevision", "controllerrevisions")

CRON_JOBS: Final = _row("batch/v1", "CronJob", "cronjobs", "gen all", short="cj", sub="status")
JOBS: Final = _row("batch/v1", "Job", "jobs", "gen all", sub="status")

CUSTOM_RESOURCE_DEFINITIONS: Final = _row(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "cluster gen api-extensions",
    short="crd crds",
    sub="status",
)
HORIZONTAL_POD_AUTOSCALERS: Final = _row(
    "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "all", short="hpa", sub="status"
)
POD_DISRUPTION_BUDGETS: Final = _row(
    "policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "gen", short="pdb", sub="status"
)
ENDPOINT_SLICES: Final = _row("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", "gen")
LEASES: Final = _row("coordination.k8s.io/v1", "Lease", "leases")
PRIORITY_CLASSES: Final = _row("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "cluster gen", short="pc")
STORAGE_CLASSES: Final = _row("storage.k8s.io/v1", "StorageClass", "storageclasses", "cluster", short="sc")

_ADMISSION: Final = "admissionregistration.k8s.io/v1"
VALIDATING_ADMISSION_POLICIES: Final = _row(
    _ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", "cluster gen api-extensions", sub="status"
)
VALIDATING_ADMISSION_POLICY_BINDINGS: Final = _row(
    _ADMISSION, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", "cluster gen api-extensions"
)

BUILT_IN: Final[tuple[Resource, ...]] = (
    CONFIG_MAPS,
    ENDPOINTS,
    EVENTS,
    _row("v1", "LimitRange", "limitranges", short="limits"),
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    _row("v1", "PodTemplate", "podtemplates", "gen"),
    _row("v1", "ReplicationController", "replicationcontrollers", "gen all", short="rc", sub="scale status"),
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    _row(_ADMISSION, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", "cluster gen api-extensions"),
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    _row(_ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", "cluster gen api-extensions"),
    CUSTOM_RESOURCE_DEFINITIONS,
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    _row("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", "cluster review"),
    _row("authentication.k8s.io/v1", "TokenReview", "tokenreviews", "cluster review"),
    _row("authorization.k8s.io/v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", "review"),
    _row("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "cluster review"),
    _row("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", "cluster review"),
    _row("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", "cluster review"),
    HORIZONTAL_POD_AUTOSCALERS,
    CRON_JOBS,
    JOBS,
    _row(
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        "cluster",
        short="csr",
        sub="approval status",
    ),
    LEASES,
    ENDPOINT_SLICES,
    _row("events.k8s.io/v1", "Event", "events", short="ev"),
    _row("networking.k8s.io/v1", "Ingress", "ingresses", "gen", short="ing", sub="status"),
    _row("networking.k8s.io/v1", "IngressClass", "ingressclasses", "cluster gen"),
    _row("networking.k8s.io/v1", "IPAddress", "ipaddresses", "cluster", short="ip"),
    _row("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "gen", short="netpol"),
    _row("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", "cluster", sub="status"),
    _row("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", "cluster"),
    POD_DISRUPTION_BUDGETS,
    _row("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", "cluster"),
    _row("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", "cluster"),
    _row("rbac.authorization.k8s.io/v1", "Role", "roles"),
    _row("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    PRIORITY_CLASSES,
    _row("storage.k8s.io/v1", "CSIDriver", "csidrivers", "cluster"),
    _row("storage.k8s.io/v1", "CSINode", "csinodes", "cluster"),
    _row("storage.k8s.io/v1", "CSIStorageCapacity", "csistoragecapacities"),
    STORAGE_CLASSES,
    _row("storage.k8s.io/v1", "VolumeAttachment", "volumeattachments", "cluster", sub="status"),
    _row("storage.k8s.io/v1", "VolumeAttributesClass", "volumeattributesclasses", "cluster", short="vac"),
)
"""Every built-in kind, in the order in which discovery lists it."""
