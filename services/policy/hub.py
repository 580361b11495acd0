"""What policy sees of the hub: clusters, policies, overrides, bindings and namespaces, kept fresh by watches."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import ObjectMeta, PartialObject
from libs.common.api.override import OverridePolicy
from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import ResourceBinding
from libs.common.kube.client import Client
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import Resource
from libs.common.names import OriginKey

T = TypeVar("T")

CLUSTERS = Resource(group="cluster.karmada.io", version="v1alpha1", kind="Cluster", plural="clusters", namespaced=False)
POLICIES = Resource(
    group="policy.karmada.io",
    version="v1alpha1",
    kind="PropagationPolicy",
    plural="propagationpolicies",
    namespaced=True,
)
CLUSTER_POLICIES = Resource(
    group="policy.karmada.io",
    version="v1alpha1",
    kind="ClusterPropagationPolicy",
    plural="clusterpropagationpolicies",
    namespaced=False,
)
OVERRIDES = Resource(
    group="policy.karmada.io", version="v1alpha1", kind="OverridePolicy", plural="overridepolicies", namespaced=True
)
CLUSTER_OVERRIDES = Resource(
    group="policy.karmada.io",
    version="v1alpha1",
    kind="ClusterOverridePolicy",
    plural="clusteroverridepolicies",
    namespaced=False,
)
BINDINGS = Resource(
    group="work.karmada.io", version="v1alpha2", kind="ResourceBinding", plural="resourcebindings", namespaced=True
)
CLUSTER_BINDINGS = Resource(
    group="work.karmada.io",
    version="v1alpha2",
    kind="ClusterResourceBinding",
    plural="clusterresourcebindings",
    namespaced=False,
)
NAMESPACES = Resource(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False)
CRDS = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    namespaced=False,
)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of which change; each gets the state before and after, None where there is none."""

    cluster: Callable[[Cluster | None, Cluster | None], None]
    policy: Callable[[PropagationPolicy | None, PropagationPolicy | None], None]
    override: Callable[[OverridePolicy | None, OverridePolicy | None], None]
    binding: Callable[[ResourceBinding | None, ResourceBinding | None], None]
    namespace: Callable[[PartialObject | None, PartialObject | None], None]
    crd: Callable[[], None]


class BindingView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A binding as policy reads it: without status, which is the status-aggregator's and changes often."""

    metadata: ObjectMeta = ObjectMeta()
    spec: msgspec.Raw = msgspec.Raw(b"{}")


class Hub:
    """The informers of the kinds that policy itself works on, and look-ups in them."""

    def __init__(self, api: Client, uid: str, changes: Changes) -> None:
        self.api = api
        self.uid = uid
        self.clusters_informer = self._informer(CLUSTERS, Cluster, lambda c: changes.cluster(c.old, c.new))
        self.policies = [
            self._informer(r, PropagationPolicy, lambda c: changes.policy(c.old, c.new))
            for r in (POLICIES, CLUSTER_POLICIES)
        ]
        self.overrides = [
            self._informer(r, OverridePolicy, lambda c: changes.override(c.old, c.new))
            for r in (OVERRIDES, CLUSTER_OVERRIDES)
        ]
        self.bindings = [
            self._informer(r, ResourceBinding, lambda c: changes.binding(c.old, c.new))
            for r in (BINDINGS, CLUSTER_BINDINGS)
        ]
        self.namespaces = self._informer(NAMESPACES, PartialObject, lambda c: changes.namespace(c.old, c.new))
        self.crds = self._informer(CRDS, PartialObject, lambda c: changes.crd())

    def _informer(self, resource: Resource, type_: type[T], on_change: Callable[[Change[T]], None]) -> Informer[T]:
        return Informer(self.api, resource, decode=msgspec.json.Decoder(type_).decode, on_change=on_change)

    def informers(self) -> Iterable[Informer[object]]:
        return [
            self.clusters_informer,
            *self.policies,
            *self.overrides,
            *self.bindings,
            self.namespaces,
            self.crds,
        ]  # type: ignore[list-item]

    async def run(self) -> None:
        """Watches until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self.informers():
                tasks.create_task(informer.run(), name=f"watch {informer.resource.plural}")

    async def synced(self) -> None:
        """Waits until every kind has been listed."""
        for informer in self.informers():
            await informer.synced.wait()

    def clusters(self) -> dict[str, Cluster]:
        return {name: cluster for (_, name), cluster in self.clusters_informer.cache.items()}

    def uids(self) -> dict[str, str]:
        return {name: cluster.metadata.uid for (_, name), cluster in self.clusters_informer.cache.items()}

    def policies_for(self, namespace: str) -> list[PropagationPolicy]:
        """The PropagationPolicies of a namespace and all ClusterPropagationPolicies."""
        namespaced, cluster_wide = (i.cache for i in self.policies)
        own = [p for (ns, _), p in namespaced.items() if namespace and ns == namespace]
        return own + list(cluster_wide.values())

    def all_policies(self) -> list[PropagationPolicy]:
        return [p for informer in self.policies for p in informer.cache.values()]

    def override_names(self) -> frozenset[tuple[str, str]]:
        """(namespace, name) of each; the namespace of cluster-wide ones is empty."""
        return frozenset(key for informer in self.overrides for key in informer.cache)

    def overrides_for(self, namespace: str) -> list[OverridePolicy]:
        """The OverridePolicies of a namespace and all ClusterOverridePolicies."""
        namespaced, cluster_wide = (i.cache for i in self.overrides)
        return [p for (ns, _), p in namespaced.items() if namespace and ns == namespace] + list(cluster_wide.values())

    def binding(self, key: OriginKey) -> ResourceBinding | None:
        return self._bindings_of(key).cache.get(tuple(key))

    def all_bindings(self) -> list[ResourceBinding]:
        return [b for informer in self.bindings for b in informer.cache.values()]

    def observe_binding(self, key: OriginKey, body: bytes) -> None:
        """Feeds a write's answer back, so that the next look-up sees it."""
        self._bindings_of(key).observe(body)

    def binding_resource(self, key: OriginKey) -> Resource:
        return BINDINGS if key.namespace else CLUSTER_BINDINGS

    def _bindings_of(self, key: OriginKey) -> Informer[ResourceBinding]:
        return self.bindings[0] if key.namespace else self.bindings[1]

    def system_namespace(self, name: str) -> bool:
        return name in (wellknown.SYSTEM_NAMESPACE, wellknown.CLUSTER_NAMESPACE) or name.startswith(
            wellknown.EXECUTION_NAMESPACE_PREFIX
        )
