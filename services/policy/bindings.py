"""Writes of bindings to the hub: the moment in which a decision becomes durable.

A write names the resourceVersion that it was made from, so that whoever decided from older facts, or has lost the
Lease without noticing, loses.
"""

import msgspec

from libs.common.api.work import ResourceBinding
from libs.common.kube.client import MERGE, Client
from libs.common.kube.errors import NotFound
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

    async def write(self, key: OriginKey, wanted: ResourceBinding, existing: ResourceBinding | None) -> ResourceBinding:
        """Makes the binding on the hub as wanted, and answers how it stands there; an equal one is not written.

        Raises:
            kube Conflict or AlreadyExists: somebody else wrote it meanwhile.
        """
        if existing is None:
            return await self._create(key, wanted)
        patch = bindings.patch(existing, wanted)
        if not patch:
            return existing
        patch.setdefault("metadata", {})["resourceVersion"] = existing.metadata.resource_version
        metrics.BINDING_WRITES.labels("patch").inc()
        body = await self._api.patch(binding_resource(key), ObjectKey(*key), patch, content_type=MERGE, manager=MANAGER)
        return self._seen(key, body)

    async def _create(self, key: OriginKey, wanted: ResourceBinding) -> ResourceBinding:
        metrics.BINDING_WRITES.labels("create").inc()
        body = await self._api.create(
            binding_resource(key), bindings.content(wanted), namespace=key.namespace, manager=MANAGER
        )
        return self._seen(key, body)

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
