"""Reads, writes and watches objects of one API server: they go in and come out as bytes.

Bodies are never turned into models here; who wants fields decodes them with a decoder of its own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from typing import Final

import msgspec

from libs.common.kube import errors, wire
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.kube.transport import Body, Transport

MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"

_PAGE = 500


class Deletion(Enum):
    """What a deletion came to."""

    ABSENT = "absent"
    """There was nothing."""
    BEGUN = "begun"
    """The object may stay for a while: something holds it, such as a finalizer."""
    DONE = "done"
    """The object is gone."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A collection at one moment; each item has its apiVersion and kind."""

    resource_version: str
    items: list[bytes]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a collection; `continued` is where the next begins, "" at the end."""

    resource_version: str
    items: list[bytes]
    continued: str = ""


class Client(Transport):
    """A connection to one API server, for the life of the process. To be entered with `async with`."""

    # ---- objects -----------------------------------------------------------------------------------------------------

    async def get(self, resource: Resource, key: ObjectKey, *, subresource: str = "") -> bytes:
        """The object as it is now. Raises NotFound, and what else the server says."""
        return await self.raw("GET", resource.path(key.namespace, key.name, subresource))

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
    ) -> Listing:
        """All objects, or the first `limit` of them. Raises Expired if the server forgot the list between two pages."""
        items: list[bytes] = []
        page = Page(resource_version="", items=[])
        while True:
            page = await self.page(
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                size=limit or _PAGE,
                continued=page.continued,
            )
            items += page.items
            if not page.continued or (limit and len(items) >= limit):
                return Listing(resource_version=page.resource_version, items=items)

    async def page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        size: int = _PAGE,
        continued: str = "",
    ) -> Page:
        """Up to `size` objects; `continued` of the page before gives the next ones, all of the same moment."""
        query = wire.query(
            labelSelector=label_selector, fieldSelector=field_selector, limit=str(size), **{"continue": continued}
        )
        part = wire.listing(await self.raw("GET", resource.path(namespace), parameters=query))
        return Page(
            resource_version=part.metadata.resource_version,
            items=[resource.typed(bytes(item)) for item in part.items or ()],
            continued=part.metadata.continued,
        )

    async def create(
        self,
        resource: Resource,
        body: Body,
        *,
        namespace: str = "",
        manager: str = "argosy",
        subresource: str = "",
        name: str = "",
    ) -> bytes:
        """Creates an object and returns it as it was stored. Raises AlreadyExists, Invalid...

        With `name` and `subresource` this is a POST to an object's subresource, such as `serviceaccounts/token`.
        """
        path = resource.path(namespace, name, subresource)
        return await self.raw("POST", path, parameters={"fieldManager": manager}, body=body)

    async def replace(
        self, resource: Resource, key: ObjectKey, body: Body, *, subresource: str = "", manager: str = "argosy"
    ) -> bytes:
        """Puts the whole object. Raises Conflict unless the resourceVersion in `body` is that of the stored object."""
        path = resource.path(key.namespace, key.name, subresource)
        return await self.raw("PUT", path, parameters={"fieldManager": manager}, body=body)

    async def patch(
        self,
        resource: Resource,
        key: ObjectKey,
        body: Body,
        *,
        content_type: str = MERGE,
        subresource: str = "",
        manager: str = "argosy",
        force: bool = False,
    ) -> bytes:
        """Changes a part of the object; `content_type` is MERGE, JSON, STRATEGIC or APPLY.

        With APPLY the object is created if it is not there, and `force` takes fields over from other managers.
        """
        query = wire.query(fieldManager=manager, force="true" if force and content_type == APPLY else "")
        path = resource.path(key.namespace, key.name, subresource)
        return await self.raw("PATCH", path, parameters=query, body=body, content_type=content_type)

    async def delete(
        self,
        resource: Resource,
        key: ObjectKey,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
    ) -> Deletion:
        """Deletes the object.

        With `uid` or `resource_version` only that very object or state: Conflict says that another one stands there.
        """
        guard = wire.query(uid=uid, resourceVersion=resource_version)
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if guard:
            options |= {"preconditions": guard}  # type: ignore[dict-item]
        try:
            answer = await self.raw("DELETE", resource.path(key.namespace, key.name), body=options)
        except errors.NotFound:
            return Deletion.ABSENT
        # for most kinds the answer is a Status when the object is gone, and the object while something holds it
        return Deletion.DONE if wire.kind(answer) == "Status" else Deletion.BEGUN

    # ---- watches -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        initial: bool = False,
        lifetime: timedelta = timedelta(minutes=7),
    ) -> AsyncIterator[Callable[[], Awaitable[Sequence[wire.Event] | None]]]:
        """The changes after `resource_version`: each call waits for the next of them, None at the end of the watch.

        With `initial` (WatchList) the current objects come first, up to a bookmark that says so. Raises Unreachable
        when the connection breaks or is silent for too long, ApiError for what the server refuses at the start, Garbled
        for what is no event.
        """
        query = wire.query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            labelSelector=label_selector,
            fieldSelector=field_selector,
            timeoutSeconds=str(int(lifetime.total_seconds())),
            **(wire.INITIAL if initial else {}),
        )
        lines = wire.Lines()
        async with self.stream(resource.path(namespace), query) as more:

            async def events() -> Sequence[wire.Event] | None:
                while chunk := await more():
                    if found := [wire.event(line) for line in lines.feed(chunk)]:
                        return found
                return None

            yield events
