"""Writes of bindings to the hub: the moment in which a decision becomes durable.

A write names the resourceVersion that it was made from, so that whoever decided from older facts, or has lost the
Lease without noticing, loses.
"""

import msgspec

from libs.common import difference
from libs.common.api.work import ResourceBinding
from libs.common.kube.client import MERGE, Client
from libs.common.kube.errors import Conflict, NotFound
from libs.common.kube.resources import ObjectKey
from libs.common.names import OriginKey
from services.policy import metrics
from services.policy.core import binding as bindings
from services.policy.hub import Hub, binding_resource

MANAGER = "argosy-policy"

_decode = msgspec.json.Decoder(ResourceBinding).decode


class Bindings:
    def __init__(self, api: Client, hub: Hub) -> None:
        self._api = api
        self._hub = hub
        self._writing: dict[OriginKey, ResourceBinding] = {}

    async def write(self, key: OriginKey, wanted: ResourceBinding, existing: ResourceBinding | None) -> ResourceBinding:
        """Makes the binding on the hub as wanted, and answers how it stands there; an equal one is not written.

        Raises:
            kube Conflict or AlreadyExists: somebody else wrote it meanwhile.
        """
        patch = bindings.patch(existing, wanted) if existing is not None else {}
        if existing is not None and not patch:
            return existing
        self._writing[key] = wanted
        try:
            if existing is None:
                body = await self._create(key, wanted)
            else:
                body = await self._patch(key, patch, existing)
            return self._seen(key, body)
        finally:
            del self._writing[key]

    def is_own(self, seen: ResourceBinding | None) -> bool:
        """Whether this is what is being written now, which the watch may show before the write is answered."""
        wanted = self._writing.get(bindings.key_of(seen)) if seen is not None else None
        return seen is not None and wanted is not None and bindings.same(seen, wanted)

    async def _patch(self, key: OriginKey, patch: difference.Object, existing: ResourceBinding) -> bytes:
        """Patches what was seen. If only the status, which is another's, has changed since, that is no conflict."""
        try:
            return await self._patch_version(key, patch, existing.metadata.resource_version)
        except Conflict:
            live = await self.live(key)
            if live is None or live.metadata.uid != existing.metadata.uid or not bindings.same(live, existing):
                raise
            return await self._patch_version(key, patch, live.metadata.resource_version)

    async def _patch_version(self, key: OriginKey, patch: difference.Object, version: str) -> bytes:
        metrics.BINDING_WRITES.labels("patch").inc()
        patch.setdefault("metadata", {})["resourceVersion"] = version
        return await self._api.patch(binding_resource(key), ObjectKey(*key), patch, content_type=MERGE, manager=MANAGER)

    async def _create(self, key: OriginKey, wanted: ResourceBinding) -> bytes:
        metrics.BINDING_WRITES.labels("create").inc()
        return await self._api.create(
            binding_resource(key), bindings.content(wanted), namespace=key.namespace, manager=MANAGER
        )

    async def delete(self, key: OriginKey, existing: ResourceBinding) -> None:
        """Asks for the binding's deletion; its finalizer holds it until no member has anything of it."""
        metrics.BINDING_WRITES.labels("delete").inc()
        await self._api.delete(binding_resource(key), ObjectKey(*key), uid=existing.metadata.uid)

    async def let_go(self, key: OriginKey, existing: ResourceBinding) -> None:
        """Takes the finalizer off: nothing of the binding is left in any member."""
        own = bindings.finalizer(key.namespace)
        others = [f for f in existing.metadata.finalizers or () if f != own]
        metrics.BINDING_WRITES.labels("finalize").inc()
        patch = {"metadata": {"finalizers": others or None, "resourceVersion": existing.metadata.resource_version}}
        body = await self._api.patch(binding_resource(key), ObjectKey(*key), patch, content_type=MERGE, manager=MANAGER)
        if others:
            self._hub.observe_binding(key, body)
        else:
            self._hub.forget_binding(key, _decode(body).metadata.resource_version)

    async def live(self, key: OriginKey) -> ResourceBinding | None:
        """Reads the binding from the hub itself; None if it is not there."""
        try:
            return _decode(await self._api.get(binding_resource(key), ObjectKey(*key)))
        except NotFound:
            return None

    def _seen(self, key: OriginKey, body: bytes) -> ResourceBinding:
        self._hub.observe_binding(key, body)
        return _decode(body)
