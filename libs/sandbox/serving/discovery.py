"""The documents by which clients learn what is served: aggregated (KEP-3352) and plain ones."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

from libs.sandbox import statuses, store
from libs.sandbox.kinds import Resource
from libs.sandbox.registry import Registry
from libs.sandbox.serving.wire import Reply, Request

VERSION: Final = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+argosy",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-04-22T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_SUB_VERBS: Final = {
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "log": ("get",),
    "finalize": ("update",),
}
_SUB_KINDS: Final = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}


class Discovery:
    """Answers `/api`, `/apis` and what lies just below them; made anew only when the served kinds change."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._made: dict[str, tuple[bytes, str]] = {}
        self._revision = -1

    def reply(self, request: Request) -> Reply:
        """The document at the request's path. Raises Refusal if there is none."""
        if self._revision != self._registry.revision:
            self._made.clear()
            self._revision = self._registry.revision
        accept = request.headers.get("accept", "")
        path = request.path.rstrip("/")
        aggregated = ""
        if path in ("/api", "/apis") and "as=APIGroupDiscoveryList" in accept:
            aggregated = next((v for v in ("v2", "v2beta1") if f";v={v};" in accept + ";"), "")
        key = path + aggregated
        if key not in self._made:
            body = store.encode(self._aggregated(path, aggregated) if aggregated else self._plain(path))
            self._made[key] = body, f'"{blake2b(body, digest_size=16).hexdigest().upper()}"'
        body, etag = self._made[key]
        headers = (("ETag", etag), ("Vary", "Accept"))
        kind = "application/json"
        if aggregated:
            kind += f";g=apidiscovery.k8s.io;v={aggregated};as=APIGroupDiscoveryList"
        if request.headers.get("if-none-match") == etag:
            return Reply(code=304, headers=headers, content_type=kind)
        return Reply(body=body, headers=headers, content_type=kind)

    def _groups(self) -> dict[str, dict[str, list[Resource]]]:
        found: dict[str, dict[str, list[Resource]]] = {}
        for each in self._registry.all():
            found.setdefault(each.group, {}).setdefault(each.version, []).append(each)
        return found

    def _aggregated(self, path: str, version: str) -> dict[str, Any]:
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                "versions": [
                    {"version": each, "resources": [_entry(r) for r in resources], "freshness": "Current"}
                    for each, resources in versions.items()
                ],
            }
            for group, versions in self._groups().items()
            if (not group) == (path == "/api")
        ]
        head = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}}
        return head | {"items": items}

    def _plain(self, path: str) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        groups = self._groups()
        if parts == ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        if parts == ["apis"]:
            listed = [_group(name, versions) for name, versions in groups.items() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        if parts[0] == "api":
            parts = ["apis", "", *parts[1:]]
        versions = groups.get(parts[1], {})
        if len(parts) == 2 and versions:
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(parts[1], versions)
        if len(parts) != 3 or parts[2] not in versions:
            raise statuses.unserved()
        resources = versions[parts[2]]
        listed = [row for each in resources for row in _rows(each)]
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": resources[0].api_version}
        return head | {"resources": listed}


def _group(name: str, versions: Iterable[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{each}", "version": each} for each in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _sub(resource: Resource, name: str) -> tuple[dict[str, str], list[str]]:
    group, version, kind = _SUB_KINDS.get(name, (resource.group, resource.version, resource.kind))
    verbs = list(_SUB_VERBS.get(name, ("get", "patch", "update")))
    return {"group": group, "version": version, "kind": kind}, verbs


def _entry(resource: Resource) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        made["shortNames"] = list(resource.short_names)
    if resource.categories:
        made["categories"] = list(resource.categories)
    subs = []
    for name in resource.subresources:
        kind, verbs = _sub(resource, name)
        subs.append({"subresource": name, "responseKind": kind, "verbs": verbs})
    return made | ({"subresources": subs} if subs else {})


def _rows(resource: Resource) -> list[dict[str, Any]]:
    row: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    rows = [row]
    for name in resource.subresources:
        kind, verbs = _sub(resource, name)
        sub: dict[str, Any] = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": kind["kind"],
            "verbs": verbs,
        }
        if name in _SUB_KINDS:
            sub |= {"group": kind["group"], "version": kind["version"]}
        rows.append(sub)
    return rows
