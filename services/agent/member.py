"""One member's API as the agent uses it: what stands there, and the few ways to change it."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

import msgspec

from libs.common.api import wellknown
from libs.common.api.meta import PartialObject, Template
from libs.common.errors import Retry
from libs.common.kube.client import Client, Deletion
from libs.common.kube.errors import NotFound, Unreachable
from libs.common.kube.resources import ObjectKey, Resource
from services.agent import metrics
from services.agent.core import actions, contents
from services.agent.core.identity import Identity, ObjectName
from services.agent.kinds import Kinds
from services.agent.watches import Watches

T = TypeVar("T")

_decode = msgspec.json.Decoder(dict).decode
_partial = msgspec.json.Decoder(PartialObject).decode


class Member:
    """Reads through the watches where they know enough, and gives them the answers to its writes."""

    def __init__(self, api: Client, me: Identity, kinds: Kinds, watches: Watches, timeout: timedelta) -> None:
        self._api = api
        self._me = me
        self._timeout = timeout.total_seconds()
        self._kinds = kinds
        self._watches = watches

    async def observed(self, resource: Resource, key: ObjectKey, *, live: bool = False) -> Template | None:
        """The object, or None if there is none.

        Without `live` an object that is not managed may look absent: watches see managed ones only. Creating it then
        tells. Raises KubeError.
        """
        informer = None if live else await self._watches.synced(resource)
        if informer is not None:
            seen = informer.cache.get(key)
            return _decode(seen.raw) if seen is not None else None
        try:
            return _decode(await self._call(self._api.get(resource, key)))
        except NotFound as error:
            if error.of_kind:
                raise
            return None

    async def create(self, resource: Resource, key: ObjectKey, body: Template) -> bytes:
        """Raises AlreadyExists, and what else the member says."""
        answer = await self._call(self._api.create(resource, body, namespace=key.namespace))
        return self._done("create", answer)

    async def replace(self, resource: Resource, key: ObjectKey, body: Template) -> bytes:
        """Raises Conflict and NotFound when the object is not as it was, and what else the member says."""
        answer = await self._call(self._api.replace(resource, key, body))
        return self._done("replace", answer)

    async def release(self, resource: Resource, key: ObjectKey, body: Template) -> None:
        """Leaves the object behind. Raises as `replace`."""
        answer = await self._call(self._api.replace(resource, key, body))
        self._done("release", answer)
        self._gone(resource, key, _partial(answer).metadata.resource_version)

    async def delete(self, resource: Resource, key: ObjectKey, action: actions.Delete) -> bool:
        """Orders the object away; whether it is gone: it may stay for a while.

        Raises Conflict when it is not as it was.
        """
        deletion = await self._call(
            self._api.delete(resource, key, uid=action.uid, resource_version=action.resource_version)
        )
        if deletion is not Deletion.BEGUN:
            self._gone(resource, key, action.resource_version)
        self._done("delete", b"")
        return deletion is not Deletion.BEGUN

    async def contents(self, resource: Resource, container: Template) -> list[str]:
        """What is inside a Namespace or of a CustomResourceDefinition's kinds, and not managed.

        Raises KubeError, and Retry while discovery cannot name all kinds that may be inside: what is not known is not
        "nothing". Kubernetes does not end a Namespace then either.
        """
        await self._kinds.read()
        if resource.kind == "Namespace":
            if self._kinds.failures:
                raise Retry(f"the kinds of the cluster {self._me.cluster} are not all known: {self._kinds.failures[0]}")
            kinds = [r for r in self._kinds.all() if r.namespaced and {"list", "create", "delete"} <= set(r.verbs)]
            namespace = container["metadata"]["name"]
        else:
            kinds, namespace = self._defined(container), ""
        found: list[str] = []
        for kind in kinds:
            found += await self._unmanaged(kind, namespace)
        return found

    def _defined(self, definition: Template) -> list[Resource]:
        """A kind by which all objects of a definition can be listed; none if there can be no objects."""
        served = [r for pair in contents.served(definition) if (r := self._kinds.find(*pair)) is not None]
        if not served and not contents.was_never_served(definition):
            raise Retry(f"the cluster {self._me.cluster} does not serve {definition['metadata']['name']} just now")
        return served[:1]

    async def _unmanaged(self, resource: Resource, namespace: str) -> list[str]:
        """A kind that is not found was served a moment ago: that raises, too."""
        selector = f"{wellknown.OWNER_LABEL}!={self._me.owner}"
        listing = await self._call(self._api.list(resource, namespace=namespace, label_selector=selector))
        found = [_partial(item) for item in listing.items]
        return [str(_name(resource, obj)) for obj in found if not contents.comes_by_itself(resource.kind, obj)]

    async def _call(self, call: Awaitable[T]) -> T:
        """A member that hangs must not hold up more than one attempt at a time for longer than this."""
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except TimeoutError as error:
            raise Unreachable(f"{self._api.origin} did not answer in {self._timeout:g} s") from error

    def _done(self, action: str, answer: bytes) -> bytes:
        metrics.ACTIONS.labels(self._me.cluster, action).inc()
        return answer

    def _gone(self, resource: Resource, key: ObjectKey, version: str) -> None:
        informer = self._watches.informer(resource)
        if informer is not None:
            informer.forget(key, version)


def _name(resource: Resource, obj: PartialObject) -> ObjectName:
    return ObjectName(
        api_version=resource.api_version,
        kind=resource.kind,
        namespace=obj.metadata.namespace,
        name=obj.metadata.name,
    )
