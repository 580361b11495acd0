"""What the status-aggregator sees of the hub: bindings with their status, and clusters."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from libs.common.api.cluster import Cluster
from libs.common.api.work import BindingStatus
from libs.common.kube import discovery, resources
from libs.common.kube.client import Client
from libs.common.kube.informer import Change, Informer
from libs.common.kube.resources import ObjectKey, Resource, version_number
from libs.common.names import OriginKey

MANAGER: Final = "argosy-status-aggregator"
_DISCOVERY_PAUSE: Final = 10.0
"""Seconds before the hub is asked again for a kind that it did not serve."""


class BindingMeta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which binding it is. Its annotations are long, and policy's."""

    uid: str = ""
    deletion_timestamp: str | None = None


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A binding as far as its status goes; what it asks for is policy's."""

    metadata: BindingMeta = BindingMeta()
    status: BindingStatus | None = None


OnBinding = Callable[[OriginKey, Binding | None, Binding | None], None]
OnCluster = Callable[[str, Cluster | None, Cluster | None], None]
"""Get the key or name, and the state before and after; None where there is none."""

_BINDING: Final = msgspec.json.Decoder(Binding)
_CLUSTER: Final = msgspec.json.Decoder(Cluster)


class Hub:
    """Mirrors of bindings and clusters, and the kinds that the hub serves."""

    def __init__(self, api: Client) -> None:
        self.api = api
        self._on_binding: list[OnBinding] = []
        self._on_cluster: list[OnCluster] = []
        self._bindings = {
            namespaced: Informer(api, resource, decode=_BINDING.decode, on_change=self._binding_changed)
            for namespaced, resource in (
                (True, resources.RESOURCE_BINDINGS),
                (False, resources.CLUSTER_RESOURCE_BINDINGS),
            )
        }
        self._clusters = Informer(api, resources.CLUSTERS, decode=_CLUSTER.decode, on_change=self._cluster_changed)
        self._kinds: dict[tuple[str, str], Resource] = {}
        self._discovered = float("-inf")
        self._discovering = asyncio.Lock()

    def listen(self, *, on_binding: OnBinding | None = None, on_cluster: OnCluster | None = None) -> None:
        """Calls these with each change from now on."""
        self._on_binding += [on_binding] if on_binding is not None else []
        self._on_cluster += [on_cluster] if on_cluster is not None else []

    async def run(self) -> None:
        """Watches for ever."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self._bindings.values():
                tasks.create_task(informer.run(), name=f"watch {informer.resource.plural}")
            tasks.create_task(self._clusters.run(), name="watch clusters")

    async def synced(self) -> None:
        """Waits for the first complete read of every kind."""
        for informer in self._bindings.values():
            await informer.synced.wait()
        await self._clusters.synced.wait()

    def binding(self, key: OriginKey) -> Binding | None:
        return self._bindings[bool(key.namespace)].cache.get(ObjectKey(*key))

    def cluster(self, name: str) -> Cluster | None:
        return self._clusters.cache.get(ObjectKey("", name))

    def clusters(self) -> list[Cluster]:
        return list(self._clusters.cache.values())

    def clusters_reached(self) -> int:
        """Up to which resourceVersion every change of a Cluster has been told; 0 while that is not known.

        Our own writes are seen at once, and may be ahead of it.
        """
        return version_number(self._clusters.resource_version)

    async def write_binding_status(self, key: OriginKey, body: dict[str, Any]) -> None:
        """Merges `body` into a binding's status subresource."""
        informer = self._bindings[bool(key.namespace)]
        answer = await self.api.patch(informer.resource, ObjectKey(*key), body, subresource="status", manager=MANAGER)
        informer.observe(answer)

    async def write_cluster(self, name: str, body: dict[str, Any], *, subresource: str = "") -> None:
        """Merges `body` into a Cluster, or into its status subresource."""
        answer = await self.api.patch(
            resources.CLUSTERS, ObjectKey("", name), body, subresource=subresource, manager=MANAGER
        )
        self._clusters.observe(answer)

    async def kind(self, api_version: str, kind: str) -> Resource | None:
        """How the hub serves a kind; None if it does not."""
        if (api_version, kind) not in self._kinds:
            async with self._discovering:
                if time.monotonic() - self._discovered > _DISCOVERY_PAUSE:
                    self._kinds = {(r.api_version, r.kind): r for r in await discovery.served(self.api)}
                    self._discovered = time.monotonic()
        return self._kinds.get((api_version, kind))

    def _binding_changed(self, change: Change[Binding]) -> None:
        for tell in self._on_binding:
            tell(OriginKey(*change.key), change.old, change.new)

    def _cluster_changed(self, change: Change[Cluster]) -> None:
        for tell in self._on_cluster:
            tell(change.key.name, change.old, change.new)
