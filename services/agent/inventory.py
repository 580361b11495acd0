"""Answers what stands in the member under this owner, read from the member itself."""

import asyncio
from typing import Final

import msgspec
import structlog

from libs.common.api import wellknown
from libs.common.api.meta import PartialObject
from libs.common.bus import Bus, Delivery
from libs.common.kube.client import Client
from libs.common.kube.errors import KubeError, NotFound
from libs.common.kube.resources import Resource
from libs.common.messages import Inventory, InventoryItem, InventoryRequest
from services.agent.core import identity
from services.agent.core.identity import Identity
from services.agent.kinds import Kinds

log = structlog.get_logger()

_LISTS_AT_ONCE: Final = 8
_NAME: Final = "inventory"

_decode = msgspec.json.Decoder(PartialObject).decode


class NotOurs(Exception):
    """The request is for another hub or another life of the cluster; it stays unanswered."""


class Inventories:
    """Lists managed objects over all kinds that the member serves."""

    def __init__(self, api: Client, me: Identity, kinds: Kinds) -> None:
        self._api = api
        self._me = me
        self._kinds = kinds
        self._selector = f"{wellknown.OWNER_LABEL}={me.owner}"

    async def serve(self, connection: Bus) -> None:
        """Answers requests for ever, one at a time."""
        subject = connection.subjects.call(self._me.cluster, _NAME)
        await connection.serve(subject, InventoryRequest, self._answer, workers=1)

    async def take(self) -> Inventory:
        """The inventory now."""
        incomplete: list[str] = []
        try:
            await self._kinds.read()
            incomplete += self._kinds.failures
        except KubeError as error:
            incomplete.append(str(error))
        gate = asyncio.Semaphore(_LISTS_AT_ONCE)
        listable = [r for r in self._kinds.all() if {"list", "create", "delete"} <= set(r.verbs)]
        async with asyncio.TaskGroup() as tasks:
            lists = [
                tasks.create_task(self._list(resource, gate, incomplete), name=f"inventory {resource.plural}")
                for resource in listable
            ]
        items = {(i.api_version, i.kind, i.namespace, i.name): i for task in lists for i in task.result()}
        return Inventory(
            hub_uid=self._me.hub_uid,
            cluster=self._me.cluster,
            cluster_uid=self._me.cluster_uid,
            items=list(items.values()),
            incomplete="; ".join(incomplete),
        )

    async def _answer(self, delivery: Delivery[InventoryRequest]) -> Inventory:
        request = delivery.message
        if (request.hub_uid, request.cluster_uid) != (self._me.hub_uid, self._me.cluster_uid):
            raise NotOurs(f"the inventory of {request.cluster_uid} was asked for, this is {self._me.cluster_uid}")
        return await self.take()

    async def _list(self, resource: Resource, gate: asyncio.Semaphore, incomplete: list[str]) -> list[InventoryItem]:
        async with gate:
            try:
                listing = await self._api.list(resource, label_selector=self._selector)
            except NotFound:
                return []
            except KubeError as error:
                incomplete.append(f"{resource.plural}: {error}")
                return []
        return [item for raw in listing.items if (item := _item(resource, _decode(raw))) is not None]


def _item(resource: Resource, found: PartialObject) -> InventoryItem | None:
    marks = identity.marks(found.metadata)
    if marks.origin is None:
        return None
    return InventoryItem(
        origin=marks.origin,
        api_version=resource.api_version,
        kind=resource.kind,
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        template_uid=marks.template_uid,
        order=marks.order,
        digest=marks.digest,
    )
