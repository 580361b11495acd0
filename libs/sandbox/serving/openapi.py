"""OpenAPI v3: the index and one document per group version, which `kubectl explain`, `apply` and `create` read."""

from typing import Any, Final

from libs.sandbox import statuses, store
from libs.sandbox.kinds import Resource
from libs.sandbox.registry import Registry
from libs.sandbox.schema import openapi
from libs.sandbox.serving.wire import Reply, Request

_ROOT: Final = "/openapi/v3"
_V2: Final = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.0"}, "paths": {}, "definitions": {}}
_V2_PROTOBUF: Final = b"\x0a\x032.0"
"""The same without the info: a gnostic `Document` whose first field is the version of the format."""


class Documents:
    """Answers below `/openapi/v3`. Documents are made when they are first asked for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._revision = -1
        self._hashes: dict[str, str] = {}
        self._groups: dict[str, list[Resource]] = {}
        self._made: dict[tuple[str, str], bytes] = {}

    @staticmethod
    def empty(request: Request) -> Reply:
        """An OpenAPI v2 document without types: kubectl then checks nothing by itself and leaves it to the server."""
        if "protobuf" in request.headers.get("accept", ""):
            return Reply(body=_V2_PROTOBUF, content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        return Reply(body=store.encode(_V2))

    def reply(self, request: Request) -> Reply:
        """The document at the request's path. Raises Refusal if there is none."""
        self._refresh()
        place = request.path.removeprefix(_ROOT).strip("/")
        if not place:
            paths = {
                path: {"serverRelativeURL": f"{_ROOT}/{path}?hash={digest}"} for path, digest in self._hashes.items()
            }
            return Reply(body=store.encode({"paths": paths}))
        if place not in self._hashes:
            raise statuses.unserved()
        digest = self._hashes[place]
        headers = (("ETag", f'"{digest}"'),)
        if request.headers.get("if-none-match") == f'"{digest}"':
            return Reply(code=304, headers=headers)
        key = (place, digest)
        if key not in self._made:
            self._made[key] = openapi.document(self._groups[place], self._schemas(self._groups[place]))
        return Reply(body=self._made[key], headers=headers)

    def _refresh(self) -> None:
        if self._revision == self._registry.revision:
            return
        self._revision = self._registry.revision
        self._groups = {}
        for each in self._registry.all():
            self._groups.setdefault(openapi.path(each.group, each.version), []).append(each)
        self._hashes = {
            path: openapi.fingerprint(resources, self._schemas(resources)) for path, resources in self._groups.items()
        }
        self._made = {key: body for key, body in self._made.items() if self._hashes.get(key[0]) == key[1]}

    def _schemas(self, resources: list[Resource]) -> dict[str, Any]:
        found = ((each.kind, self._registry.custom(each)) for each in resources)
        return {kind: custom.schema for kind, custom in found if custom}
