"""The HTTP face of one cluster: who may ask, and which part answers."""

import asyncio
import hmac
from collections.abc import Callable
from typing import Any, Final

import structlog

from libs.sandbox import statuses, store
from libs.sandbox.cluster import Cluster
from libs.sandbox.serving import (
    discovery,
    metrics,
    openapi,
    reads,
    reviews,
    routes,
    subresources,
    watches,
    wire,
    writes,
)
from libs.sandbox.serving.wire import Reply, Request, Stream
from libs.sandbox.statuses import Refusal

_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz"})
_HAND_OVER: Final = 4
"""Turns of the loop after which a connection that it has accepted has shown itself to its protocol."""
_log: Final = structlog.get_logger(__name__)

Gate = Callable[[Request], Reply | None]
"""Asked before each request: an answer to give in place of the server's own, or None."""


class Server:
    """A running server. `gate` may be set to make it fail on purpose."""

    def __init__(self, cluster: Cluster, token: str, gate: Gate | None = None) -> None:
        self.cluster = cluster
        self.gate = gate
        self.port = 0
        self._host = ""
        self._token = token
        self._connections: set[wire.Connection] = set()
        self._listener: asyncio.Server | None = None
        self._discovery = discovery.Discovery(cluster.registry)
        self._documents = openapi.Documents(cluster.registry)
        self._counters = metrics.Counters()
        self._subresources = subresources.Subresources(cluster, token)
        self._reads = reads.Reads(cluster)
        self._writes = writes.Writes(cluster, self._reads)

    async def listen(self, host: str, port: int) -> None:
        """Begins to take connections. Port 0 takes any that is free; `port` then says which."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: wire.Connection(self.handle, self._connections), host, port, backlog=1024
        )
        self._host = host
        self.port = self._listener.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where the server is, for clients that send the token in a header."""
        return f"http://{self._host}:{self.port}"

    def kubeconfig(self, name: str) -> dict[str, Any]:
        """A kubeconfig for any client, kubectl too; `name` is that of the cluster, the user and the context."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": f"{self.url}/{self._token}"}}],
            "users": [{"name": name, "user": {"token": self._token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }

    def drop(self) -> None:
        """Cuts all connections; new ones are taken."""
        for connection in tuple(self._connections):
            connection.abort()

    async def close(self) -> None:
        """Takes no more connections and cuts those that are open."""
        if self._listener:
            self._listener.close()
        for _ in range(_HAND_OVER):
            self.drop()
            await asyncio.sleep(0)
        self.drop()

    def handle(self, request: Request) -> Reply | Stream:
        """The answer to a request, refusals included."""
        if self.gate and (answer := self.gate(request)):
            return answer
        target: routes.Target | None = None
        try:
            self._admit(request)
            if request.path.startswith(("/api/", "/apis/")):
                target = routes.target(request.path, self.cluster.registry)
            reply = self._object(target, request) if target else self._document(request)
        except Refusal as refusal:
            reply = _refused(refusal)
        except Exception as error:  # noqa: BLE001 - a fault in one answer must not take the server down
            _log.exception("request failed", method=request.method, path=request.path)
            reply = _refused(statuses.fault(error))
        if target:
            self._counters.count(target, request, reply)
        return reply

    def _document(self, request: Request) -> Reply:
        """What is not an object: health, discovery, OpenAPI, counters."""
        path = request.path
        if path in _HEALTH or path.startswith(("/readyz/", "/livez/")):
            return Reply(body=b"ok", content_type="text/plain; charset=utf-8")
        if path.startswith(("/api/", "/apis/")) or path in ("/api", "/apis"):
            return self._discovery.reply(request)
        if path.startswith("/openapi/v3"):
            return self._documents.reply(request)
        if path == "/openapi/v2":
            return self._documents.empty(request)
        if path == "/version":
            return Reply(body=store.encode(discovery.VERSION))
        if path == "/metrics":
            return Reply(body=self._counters.text(), content_type="text/plain; version=0.0.4; charset=utf-8")
        raise statuses.unserved()

    def _admit(self, request: Request) -> None:
        """Refuses who does not know the token, and takes it off the path.

        It may stand in front of the path as well as in a header: kubectl sends no bearer token over plain HTTP.
        """
        request.path = request.path.rstrip("/")
        first, _, rest = request.path[1:].partition("/")
        if hmac.compare_digest(first.encode(), self._token.encode()):
            request.path = "/" + rest
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.path not in _HEALTH and not hmac.compare_digest(given.encode(), self._token.encode()):
            raise statuses.unauthorized()

    def _object(self, target: routes.Target, request: Request) -> Reply | Stream:
        if target.subresource in subresources.NAMES:
            return self._subresources.answer(target, request)
        if "list" not in target.resource.verbs and request.method == "POST":
            return reviews.answer(target.resource, request, self._token)
        match request.method:
            case "GET" if request.asks("watch"):
                return watches.Watch(self.cluster, target, request, self._reads.chosen(target, request))
            case "GET" | "HEAD":
                return self._reads.get(target, request) if target.name else self._reads.list(target, request)
            case "POST" if not target.name:
                return self._writes.create(target, request)
            case "PUT" if target.name:
                return self._writes.replace(target, request)
            case "PATCH" if target.name:
                return self._writes.patch(target, request)
            case "DELETE" if target.name:
                return self._writes.delete(target, request)
            case "DELETE":
                return self._writes.delete_collection(target, request)
        raise statuses.bad_method(target.resource)


async def serve(cluster: Cluster, host: str, port: int, token: str, *, gate: Gate | None = None) -> Server:
    """Serves a cluster over plain HTTP to who bears the token. The answer is listening already."""
    server = Server(cluster, token, gate)
    await server.listen(host, port)
    return server


def _refused(refusal: Refusal) -> Reply:
    headers: tuple[tuple[str, str], ...] = ()
    if seconds := refusal.details.get("retryAfterSeconds"):
        headers = (("Retry-After", str(seconds)),)
    return Reply(code=refusal.code, body=store.encode(refusal.status()), headers=headers)
