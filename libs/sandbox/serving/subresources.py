"""Subresources that are more than a part of their object: scale, eviction, binding, token, log."""

from typing import Any

import msgspec

from libs.sandbox import scale, statuses, store
from libs.sandbox.cluster import Cluster
from libs.sandbox.merge import documents
from libs.sandbox.serving import bodies
from libs.sandbox.serving.routes import Target
from libs.sandbox.serving.wire import Reply, Request
from libs.sandbox.store import Object

NAMES = frozenset({"scale", "eviction", "binding", "token", "log"})


class Subresources:
    """Answers requests on them. `token` is what a token request gets."""

    def __init__(self, cluster: Cluster, token: str) -> None:
        self._cluster = cluster
        self._token = token

    def answer(self, target: Target, request: Request) -> Reply:
        """The answer to a request. Raises Refusal."""
        obj = self._cluster.get(target.resource, target.namespace, target.name)
        if obj is None:
            raise statuses.not_found(target.resource, target.name)
        match target.subresource, request.method:
            case "scale", "GET" | "PUT" | "PATCH":
                return self._scale(target, request, obj)
            case "eviction", "POST":
                return self._evict(target, request)
            case "binding", "POST":
                return self._bind(target, request, obj)
            case "token", "POST":
                return self._issue(target, request)
            case "log", "GET":
                return Reply(content_type="text/plain")
        raise statuses.bad_method(target.resource)

    def _scale(self, target: Target, request: Request, obj: Object) -> Reply:
        custom = self._cluster.registry.custom(target.resource)
        paths = custom.scale if custom else None
        shown = scale.shown(target.resource, obj, paths)
        if request.method == "GET":
            return Reply(body=store.encode(shown))
        if request.method == "PUT":
            asked = bodies.mapping(request)
        elif bodies.content_type(request) == "application/json-patch+json":
            asked = documents.patched(msgspec.json.decode(store.encode(shown)), bodies.document(request))
        else:
            asked = documents.merged(shown, bodies.mapping(request))
        write = bodies.write(target, request)
        made = self._cluster.replace(target.resource, scale.scaled(obj, asked, paths), write=write)
        return Reply(body=store.encode(scale.shown(target.resource, made, paths)))

    def _evict(self, target: Target, request: Request) -> Reply:
        options: dict[str, Any] = bodies.mapping(request).get("deleteOptions") or {}
        uid = (options.get("preconditions") or {}).get("uid") or ""
        write = bodies.write(target, request)
        self._cluster.delete(
            target.resource,
            target.namespace,
            target.name,
            uid=uid,
            grace=options.get("gracePeriodSeconds"),
            write=msgspec.structs.replace(write, subresource=""),
        )
        return _done(201)

    def _bind(self, target: Target, request: Request, obj: Object) -> Reply:
        node = (bodies.mapping(request).get("target") or {}).get("name")
        if obj["spec"].get("nodeName"):
            why = f"pod {target.name} is already assigned to node {obj['spec']['nodeName']!r}"
            raise statuses.conflict(target.resource, target.name, why)
        write = msgspec.structs.replace(bodies.write(target, request), subresource="*")
        self._cluster.replace(target.resource, {**obj, "spec": {**obj["spec"], "nodeName": node}}, write=write)
        return _done(201)

    def _issue(self, target: Target, request: Request) -> Reply:
        body = bodies.mapping(request)
        status = {"token": self._token, "expirationTimestamp": "2100-01-01T00:00:00Z"}
        return Reply(code=201, body=store.encode({**body, "status": status}))


def _done(code: int) -> Reply:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code}
    return Reply(code=code, body=store.encode(status))
