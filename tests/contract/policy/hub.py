"""The hub as a user's client sees it, and how tests wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from libs.common.kube import discovery
from libs.common.kube.client import APPLY, Client
from libs.common.kube.errors import NotFound
from libs.common.kube.resources import ObjectKey, Resource

T = TypeVar("T")
LIMIT = 10.0


async def until(what: Callable[[], Awaitable[T | None] | T | None], *, limit: float = LIMIT) -> T:
    """The first answer of `what` that is something; fails with the last state of affairs after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        found = what()
        found = await found if isinstance(found, Awaitable) else found
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {getattr(what, '__name__', what)}")
        await asyncio.sleep(0.01)


class Hub:
    """The hub as a user's client sees it."""

    def __init__(self, api: Client, kinds: dict[tuple[str, str], Resource]) -> None:
        self.api = api
        self.kinds = kinds

    async def apply(self, *objects: dict[str, Any]) -> list[dict[str, Any]]:
        return [await self._apply(o) for o in objects]

    async def _apply(self, body: dict[str, Any]) -> dict[str, Any]:
        metadata = body["metadata"]
        key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
        resource = self.resource(body["apiVersion"], body["kind"])
        answer = await self.api.patch(resource, key, body, content_type=APPLY, manager="test", force=True)
        result: dict[str, Any] = msgspec.json.decode(answer)
        return result

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            body = await self.api.get(
                self.kinds[kind.partition(".")[2], kind.partition(".")[0]], ObjectKey(namespace, name)
            )
        except NotFound:
            return None
        result: dict[str, Any] = msgspec.json.decode(body)
        return result

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        resource = self.kinds[kind.partition(".")[2], kind.partition(".")[0]]
        await self.api.delete(resource, ObjectKey(namespace, name))

    async def merge(self, kind: str, namespace: str, name: str, patch: dict[str, Any]) -> None:
        resource = self.kinds[kind.partition(".")[2], kind.partition(".")[0]]
        await self.api.patch(resource, ObjectKey(namespace, name), patch, manager="test")

    async def define(self, group: str, kind: str) -> None:
        """Makes a custom kind, and waits until it is served."""
        plural = f"{kind.lower()}s"
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        await self.apply(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.{group}"},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                    "versions": [version],
                },
            }
        )

        async def served() -> bool:
            found = discovery.preferred(await discovery.served(self.api))
            self.kinds = {(r.group, r.kind): r for r in found}
            return (group, kind) in self.kinds

        await until(served)

    def resource(self, api_version: str, kind: str) -> Resource:
        return self.kinds[api_version.rpartition("/")[0], kind]
