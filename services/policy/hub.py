"""What policy sees of the hub: clusters, policies, overrides, bindings and namespaces, kept fresh by watches."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from libs.common.api.cluster import Cluster
from libs.common.api.meta import PartialObject
from libs.common.api.override import OverridePolicy
from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import ResourceBinding
from libs.common.kube import resources
from libs.common.kube.client import Client
from libs.common.kube.errors import NotFound
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.names import OriginKey
from services.policy.core import template
from services.policy.core.catalogue import Catalogue
from services.policy.core.census import Census
from services.policy.core.template import Template

T = TypeVar("T")
P = TypeVar("P", PropagationPolicy, OverridePolicy)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of which change; each gets the state before and after, None where there is none."""

    cluster: Callable[[Cluster | None, Cluster | None], None]
    policy: Callable[[PropagationPolicy | None, PropagationPolicy | None], None]
    override: Callable[[OverridePolicy | None, OverridePolicy | None], None]
    binding: Callable[[ResourceBinding | None, ResourceBinding | None], None]
    namespace: Callable[[Template | None, Template | None], None]
    definition: Callable[[], None]
    went_back: Callable[[int, int], None]
    """Up to which resourceVersion changes were known, and which the hub is at."""


class Hub:
    """The informers of the kinds that policy itself works on, and look-ups in them."""

    def __init__(self, api: Client, uid: str, changes: Changes) -> None:
        self.api = api
        self.uid = uid
        self._observing = False
        self._went_back = changes.went_back
        self._clusters = self._informer(resources.CLUSTERS, Cluster, changes.cluster)
        self._policies: Catalogue[PropagationPolicy] = Catalogue()
        self._overrides: Catalogue[OverridePolicy] = Catalogue()
        self.census = Census()
        self._of_policies = [
            self._informer(r, PropagationPolicy, self._listed(self._policies, changes.policy))
            for r in (resources.PROPAGATION_POLICIES, resources.CLUSTER_PROPAGATION_POLICIES)
        ]
        self._of_overrides = [
            self._informer(r, OverridePolicy, self._listed(self._overrides, changes.override))
            for r in (resources.OVERRIDE_POLICIES, resources.CLUSTER_OVERRIDE_POLICIES)
        ]
        self._bindings = [
            self._informer(r, ResourceBinding, self._counted(self._unless_ours(changes.binding)))
            for r in (resources.RESOURCE_BINDINGS, resources.CLUSTER_RESOURCE_BINDINGS)
        ]
        self._namespaces: Informer[Template] = Informer(
            api,
            resources.NAMESPACES,
            decode=template.read,
            on_change=lambda c: changes.namespace(c.old, c.new),
            on_went_back=changes.went_back,
        )
        self._definitions = self._informer(
            resources.CUSTOM_RESOURCE_DEFINITIONS, PartialObject, lambda old, new: changes.definition()
        )

    def _informer(self, resource: Resource, type_: type[T], told: Callable[[T | None, T | None], None]) -> Informer[T]:
        def on_change(change: Change[T]) -> None:
            told(change.old, change.new)

        return Informer(
            self.api,
            resource,
            decode=msgspec.json.Decoder(type_).decode,
            on_change=on_change,
            on_went_back=self._went_back,
        )

    def _listed(
        self, catalogue: Catalogue[P], told: Callable[[P | None, P | None], None]
    ) -> Callable[[P | None, P | None], None]:
        def tell(old: P | None, new: P | None) -> None:
            either = new or old
            assert either is not None
            catalogue.put(either.metadata.namespace, either.metadata.name, new)
            told(old, new)

        return tell

    def _counted(
        self, told: Callable[[ResourceBinding | None, ResourceBinding | None], None]
    ) -> Callable[[ResourceBinding | None, ResourceBinding | None], None]:
        def tell(old: ResourceBinding | None, new: ResourceBinding | None) -> None:
            self.census.put(old, new)
            told(old, new)

        return tell

    def _unless_ours(self, told: Callable[[T | None, T | None], None]) -> Callable[[T | None, T | None], None]:
        def tell(old: T | None, new: T | None) -> None:
            if not self._observing:
                told(old, new)

        return tell

    def informers(self) -> list[Informer[Any]]:
        return [
            self._clusters,
            *self._of_policies,
            *self._of_overrides,
            *self._bindings,
            self._namespaces,
            self._definitions,
        ]

    async def run(self) -> None:
        """Watches until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self.informers():
                tasks.create_task(informer.run(), name=f"watch {informer.resource.plural}")

    async def synced(self) -> None:
        """Waits until every kind has been listed."""
        for informer in self.informers():
            await informer.synced.wait()

    def highest_version(self) -> int:
        """The highest resourceVersion of the hub that any watch has shown."""
        return max(resources.version_number(i.resource_version) for i in self.informers())

    async def live_version(self) -> int:
        """The hub's resourceVersion now, read from the hub itself."""
        listing = await self.api.list(resources.NAMESPACES, limit=1)
        return resources.version_number(listing.resource_version)

    # ---- clusters ----

    def clusters(self) -> dict[str, Cluster]:
        return {key.name: cluster for key, cluster in self._clusters.cache.items()}

    def cluster(self, name: str) -> Cluster | None:
        return self._clusters.cache.get(ObjectKey("", name))

    # ---- policies ----

    def policies_for(self, namespace: str) -> list[PropagationPolicy]:
        """The PropagationPolicies of a namespace and all ClusterPropagationPolicies."""
        return self._policies.visible(namespace)

    def policies(self) -> Iterable[PropagationPolicy]:
        return (p for informer in self._of_policies for p in informer.cache.values())

    def overrides_for(self, namespace: str) -> list[OverridePolicy]:
        """The OverridePolicies of a namespace and all ClusterOverridePolicies."""
        return self._overrides.visible(namespace)

    def override_names(self) -> frozenset[tuple[str, str]]:
        """(namespace, name) of each; the namespace of cluster-wide ones is empty."""
        return self._overrides.names()

    # ---- bindings ----

    def binding(self, key: OriginKey) -> ResourceBinding | None:
        return self._bindings_of(key).cache.get(ObjectKey(*key))

    def bindings(self) -> Iterable[ResourceBinding]:
        return (b for informer in self._bindings for b in informer.cache.values())

    def observe_binding(self, key: OriginKey, body: bytes) -> None:
        """Feeds a write's answer back, so that the next look-up sees it. Nobody is told of what we wrote ourselves."""
        self._observing = True
        try:
            self._bindings_of(key).observe(body)
        finally:
            self._observing = False

    def forget_binding(self, key: OriginKey, resource_version: str) -> None:
        """Drops what a write or a live read showed to be gone."""
        self._bindings_of(key).forget(ObjectKey(*key), resource_version)

    def _bindings_of(self, key: OriginKey) -> Informer[ResourceBinding]:
        return self._bindings[0] if key.namespace else self._bindings[1]

    # ---- namespaces ----

    def namespace(self, name: str) -> Template | None:
        return self._namespaces.cache.get(ObjectKey("", name))

    def namespaces(self) -> Iterable[Template]:
        return self._namespaces.cache.values()

    async def live_namespace(self, name: str) -> Template | None:
        """Reads a Namespace from the hub itself; None if it is not there."""
        try:
            return template.read(await self.api.get(resources.NAMESPACES, ObjectKey("", name)))
        except NotFound:
            return None


def binding_resource(key: OriginKey) -> Resource:
    """The kind of the binding of that name: cluster-scoped templates have ClusterResourceBindings."""
    return resources.RESOURCE_BINDINGS if key.namespace else resources.CLUSTER_RESOURCE_BINDINGS
