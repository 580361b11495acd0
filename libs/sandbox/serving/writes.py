"""Create, replace, patch and delete, as requests."""

from typing import Any, Final

import msgspec

from libs.sandbox import metadata, statuses, store
from libs.sandbox.cluster import Cluster, Write
from libs.sandbox.kinds import Resource
from libs.sandbox.merge import documents, strategic
from libs.sandbox.serving import bodies, formats, reads
from libs.sandbox.serving.routes import Target
from libs.sandbox.serving.wire import Reply, Request
from libs.sandbox.store import Object

_APPLY: Final = ("application/apply-patch+yaml", "application/apply-patch+json")
_PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_PATCH_OPTIONS: Final = Resource(group="meta.k8s.io", version="v1", kind="PatchOptions", plural="patchoptions")
_DELETED_SHOWN: Final = frozenset({"pods", "namespaces", "services", "persistentvolumeclaims", "persistentvolumes"})
"""Kinds of which a deletion answers with the object, not with a Status."""


class Writes:
    """Answers POST, PUT, PATCH and DELETE on objects and collections."""

    def __init__(self, cluster: Cluster, lists: reads.Reads) -> None:
        self._cluster = cluster
        self._lists = lists

    def create(self, target: Target, request: Request) -> Reply:
        """POST on a collection."""
        write = bodies.write(target, request)
        body = bodies.of_kind(target, bodies.mapping(request))
        made = self._cluster.create(target.resource, body, namespace=target.namespace, write=write)
        return self._shown(target, request, made, write, code=201)

    def replace(self, target: Target, request: Request) -> Reply:
        """PUT on an object or its status."""
        write = bodies.write(target, request)
        body = bodies.of_kind(target, bodies.mapping(request))
        made = self._cluster.replace(target.resource, body, write=write)
        return self._shown(target, request, made, write)

    def patch(self, target: Target, request: Request) -> Reply:
        """PATCH on an object or its status, in any of the patch formats."""
        write = bodies.write(target, request)
        if bodies.content_type(request) in _APPLY:
            return self._apply(target, request, write)
        key = (target.namespace, target.name)
        entry = self._cluster.table(target.resource).entries.get(key)
        if entry is None:
            raise statuses.not_found(target.resource, target.name)
        current = msgspec.json.decode(formats.raw(target.resource, entry))
        made = bodies.of_kind(target, self._patched(target, request, current))
        return self._shown(target, request, self._cluster.replace(target.resource, made, write=write), write)

    def _apply(self, target: Target, request: Request, write: Write) -> Reply:
        if "fieldManager" not in request.query:
            causes = [
                metadata.Fault("fieldManager", "Required value: is required for apply patch", "FieldValueRequired")
            ]
            raise statuses.invalid(_PATCH_OPTIONS, "", causes)
        body = bodies.of_kind(target, bodies.mapping(request))
        if body["metadata"].get("managedFields"):
            raise statuses.bad_request("metadata.managedFields must be nil")
        force = request.asks("force")
        made, created = self._cluster.apply(
            target.resource, target.namespace, target.name, body, force=force, write=write
        )
        return self._shown(target, request, made, write, code=201 if created else 200)

    def _patched(self, target: Target, request: Request, current: dict[str, Any]) -> dict[str, Any]:
        """The object that the request's patch makes of `current`, a copy of its own. Raises Refusal."""
        kind, patch = bodies.content_type(request), bodies.document(request)
        try:
            match kind:
                case "application/merge-patch+json":
                    made = documents.merged(current, patch)
                case "application/json-patch+json":
                    made = documents.patched(current, patch)
                case "application/strategic-merge-patch+json" if not target.resource.custom:
                    made = strategic.merged(self._cluster.registry.shape(target.resource).node, current, patch)
                case _:
                    known = ", ".join(
                        kind for kind in _PATCHES if not target.resource.custom or "strategic" not in kind
                    )
                    raise statuses.unsupported_media(
                        f"the body of the request was in an unknown format - accepted media types include: {known}"
                    )
        except documents.Unfit as error:
            told = f"the server rejected our request due to an error in our request: {error}"
            raise statuses.Refusal(422, "Invalid", told) from None
        if not isinstance(made, dict):
            raise statuses.bad_request("the patch does not make an object")
        return made

    def delete(self, target: Target, request: Request) -> Reply:
        """DELETE on an object."""
        write = bodies.write(target, request)
        options = _options(request)
        done, gone = self._delete(target, target.name, options, write)
        if gone and target.resource.table not in _DELETED_SHOWN:
            return Reply(body=store.encode(statuses.success(target.resource, target.name, done["metadata"]["uid"])))
        return self._shown(target, request, done, write)

    def delete_collection(self, target: Target, request: Request) -> Reply:
        """DELETE on a collection: all that the selectors take."""
        write = bodies.write(target, request)
        options = _options(request)
        items = []
        for entry in tuple(self._lists.chosen(target, request)):
            meta = entry.object["metadata"]
            place = msgspec.structs.replace(target, namespace=meta.get("namespace") or "", name=meta["name"])
            items.append(self._delete(place, meta["name"], options, write)[0])
        head = {"kind": target.resource.list_kind, "apiVersion": target.resource.api_version}
        return Reply(
            body=store.encode(head | {"metadata": {"resourceVersion": str(self._cluster.version)}, "items": items})
        )

    def _shown(self, target: Target, request: Request, obj: Object, write: Write, *, code: int = 200) -> Reply:
        headers = tuple(("Warning", f'299 - "{_quoted(text)}"') for text in write.warnings or ())
        if formats.wanted(request.headers.get("accept", "")) == "PartialObjectMetadata":
            return Reply(code=code, body=store.encode(formats.partial(obj)), headers=headers)
        meta = obj["metadata"]
        entry = self._cluster.table(target.resource).entries.get((meta.get("namespace", ""), meta["name"]))
        if entry is not None and entry.object is obj:
            return Reply(code=code, body=formats.raw(target.resource, entry), headers=headers)
        return Reply(code=code, body=store.encode(formats.versioned(target.resource, obj)), headers=headers)

    def _delete(self, target: Target, name: str, options: dict[str, Any], write: Write) -> tuple[Object, bool]:
        conditions = options.get("preconditions") or {}
        grace = options.get("gracePeriodSeconds")
        if options.get("dryRun"):
            write = msgspec.structs.replace(write, dry_run=True)
        return self._cluster.delete(
            target.resource,
            target.namespace,
            name,
            uid=conditions.get("uid") or "",
            version=conditions.get("resourceVersion") or "",
            grace=int(grace) if grace is not None else None,
            propagation=options.get("propagationPolicy") or "",
            write=write,
        )


def _options(request: Request) -> dict[str, Any]:
    """DeleteOptions, from the body or else the query."""
    options = bodies.mapping(request) if request.body else {}
    query = request.query
    for key in ("gracePeriodSeconds", "propagationPolicy"):
        if key in query and options.get(key) is None:
            options[key] = query[key]
    if options.get("orphanDependents") or request.asks("orphanDependents"):
        options["propagationPolicy"] = "Orphan"
    if options.get("propagationPolicy") not in (None, "", "Background", "Foreground", "Orphan"):
        raise statuses.bad_request(f'invalid DeletionPropagation "{options["propagationPolicy"]}"')
    return options


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
