"""An API server to ask, without a socket in between."""

from collections.abc import Mapping
from typing import Any

import msgspec

from libs.sandbox.cluster import Cluster
from libs.sandbox.serving.server import Server
from libs.sandbox.serving.wire import Reply, Request

TOKEN = "secret"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOOS = "/apis/example.com/v1/namespaces/default/foos"


class Answer:
    """What came back: `code`, `body` decoded, `headers`."""

    def __init__(self, reply: Reply) -> None:
        self.code = reply.code
        self.headers = dict(reply.headers)
        self.raw = reply.body
        self.body: Any = msgspec.json.decode(reply.body) if reply.content_type.startswith("application/json") else None


class Api:
    """One cluster and what a client can ask of it."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.cluster = cluster or Cluster("test")
        self.server = Server(self.cluster, TOKEN)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "application/json",
        accept: str = "application/json",
        token: str = TOKEN,
        **query: str,
    ) -> Answer:
        """A request and its answer."""
        headers = {"authorization": f"Bearer {token}", "content-type": kind, "accept": accept, "user-agent": "tester/1"}
        raw = b"" if body is None else msgspec.json.encode(body)
        reply = self.server.handle(Request(method=method, path=path, query=query, headers=headers, body=raw))
        assert isinstance(reply, Reply)
        return Answer(reply)

    def done(self, method: str, path: str, body: Any = None, **words: Any) -> Any:
        """The body of a request that must succeed."""
        answer = self.ask(method, path, body, **words)
        assert answer.code < 300, answer.body
        return answer.body

    def apply(self, path: str, body: Any, manager: str = "one", *, force: bool = False, **query: str) -> Answer:
        """A server-side apply."""
        return self.ask("PATCH", path, body, kind=APPLY, fieldManager=manager, force=str(force).lower(), **query)


def config_map(name: str = "a", **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}}
    made = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": made | spec}


def definition(schema: Mapping[str, Any] | None = None, **version: Any) -> dict[str, Any]:
    """A CustomResourceDefinition of the kind Foo, whose `spec` takes anything unless a schema says more."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    whole = schema or {"type": "object", "properties": {"spec": anything, "status": anything}}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    names = {"kind": "Foo", "plural": "foos", "shortNames": ["fo"]}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [served | version]}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**kind, "metadata": {"name": "foos.example.com"}, "spec": spec}


def foo(name: str = "x", **spec: Any) -> dict[str, Any]:
    """A Foo."""
    return {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": name}, "spec": spec}
