"""Kinds as an API server serves them: where they live, and how their objects are named and versioned."""

import re
from typing import Final, NamedTuple
from urllib import parse

import msgspec

_PATH_SAFE = "@:~!$&'()*+,;="
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:-]*").fullmatch  # nearly all names: no need to quote them


class ObjectKey(NamedTuple):
    """Names an object within its kind. `namespace` is empty for cluster-scoped ones."""

    namespace: str
    name: str


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One kind in one version: `plural` is its path segment, `group` is "" for the core API."""

    group: str = ""
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    singular: str = ""
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone for the core API."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of one object if `name` is given, or of its subresource.

        With `namespace` empty this is the collection across all namespaces. Raises ValueError for a name that no
        object can have.
        """
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        if name:
            parts.append(_segment(name))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def typed(self, item: bytes) -> bytes:
        """`item` with `apiVersion` and `kind` put in front, unless it has them: lists of built-in kinds do not."""
        if item.startswith(_TYPED) or (not item.startswith(_UNTYPED) and _TYPE.decode(item).kind):
            return item
        start = item.index(b"{") + 1
        head = b'{"apiVersion":"%b","kind":"%b"' % (self.api_version.encode(), self.kind.encode())
        rest = item[start:]
        return head + rest if rest.lstrip().startswith(b"}") else head + b"," + rest


class _Type(msgspec.Struct, frozen=True):
    kind: str = ""


# how servers begin an object; others are looked into
_TYPED: Final = (b'{"kind":', b'{"apiVersion":')
_UNTYPED: Final = b'{"metadata":'
_TYPE: Final = msgspec.json.Decoder(_Type)


def _segment(name: str) -> str:
    if name in (".", "..") or "/" in name:
        raise ValueError(f"{name!r} cannot be the name of an object")
    return name if _PLAIN(name) else parse.quote(name, safe=_PATH_SAFE)


def version_number(resource_version: str) -> int:
    """A resourceVersion as a number that grows within one kind (KEP-5504); 0 if it is absent or opaque."""
    return int(resource_version) if resource_version.isdecimal() else 0


NAMESPACES: Final = Resource(version="v1", kind="Namespace", plural="namespaces", namespaced=False)
SECRETS: Final = Resource(version="v1", kind="Secret", plural="secrets")
CONFIG_MAPS: Final = Resource(version="v1", kind="ConfigMap", plural="configmaps")
NODES: Final = Resource(version="v1", kind="Node", plural="nodes", namespaced=False)
PODS: Final = Resource(version="v1", kind="Pod", plural="pods")
EVENTS: Final = Resource(version="v1", kind="Event", plural="events")
LEASES: Final = Resource(group="coordination.k8s.io", version="v1", kind="Lease", plural="leases")
CLUSTER_ROLES: Final = Resource(
    group="rbac.authorization.k8s.io", version="v1", kind="ClusterRole", plural="clusterroles", namespaced=False
)
CUSTOM_RESOURCE_DEFINITIONS: Final = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    namespaced=False,
)

CLUSTERS: Final = Resource(
    group="cluster.karmada.io",
    version="v1alpha1",
    kind="Cluster",
    plural="clusters",
    namespaced=False,
    subresources=("status",),
)
RESOURCE_BINDINGS: Final = Resource(
    group="work.karmada.io",
    version="v1alpha2",
    kind="ResourceBinding",
    plural="resourcebindings",
    subresources=("status",),
)
CLUSTER_RESOURCE_BINDINGS: Final = Resource(
    group="work.karmada.io",
    version="v1alpha2",
    kind="ClusterResourceBinding",
    plural="clusterresourcebindings",
    namespaced=False,
    subresources=("status",),
)
PROPAGATION_POLICIES: Final = Resource(
    group="policy.karmada.io", version="v1alpha1", kind="PropagationPolicy", plural="propagationpolicies"
)
CLUSTER_PROPAGATION_POLICIES: Final = Resource(
    group="policy.karmada.io",
    version="v1alpha1",
    kind="ClusterPropagationPolicy",
    plural="clusterpropagationpolicies",
    namespaced=False,
)
OVERRIDE_POLICIES: Final = Resource(
    group="policy.karmada.io", version="v1alpha1", kind="OverridePolicy", plural="overridepolicies"
)
CLUSTER_OVERRIDE_POLICIES: Final = Resource(
    group="policy.karmada.io",
    version="v1alpha1",
    kind="ClusterOverridePolicy",
    plural="clusteroverridepolicies",
    namespaced=False,
)
