"""In which form a client wants objects: whole, as metadata alone, or as a table; and in which version."""

from typing import Any, Literal, TypeAlias

from libs.sandbox import events, store
from libs.sandbox.customs import Custom
from libs.sandbox.kinds import Resource
from libs.sandbox.serving.wire import Request
from libs.sandbox.store import Entry, Object
from libs.sandbox.tables import table

Form: TypeAlias = Literal["", "Table", "PartialObjectMetadata"]


def wanted(accept: str) -> Form:
    """The form that an Accept header asks for first, of those that are served."""
    for part in accept.split(","):
        if "as=Table" in part and "v=v1beta1" not in part:
            return "Table"
        if "as=PartialObjectMetadata" in part:
            return "PartialObjectMetadata"
        if part.strip().startswith("application/json"):
            return ""
    return ""


def versioned(resource: Resource, obj: Object) -> Object:
    """The object in the version of `resource`."""
    if obj.get("apiVersion") == resource.api_version:
        return obj
    if resource.group == "events.k8s.io":
        return events.viewed(obj)
    return {**obj, "apiVersion": resource.api_version}


def raw(resource: Resource, entry: Entry) -> bytes:
    """The object's JSON in the version of `resource`."""
    if resource.version == resource.stored and resource.api_version == entry.object.get("apiVersion"):
        return entry.raw
    return store.encode(versioned(resource, entry.object))


def partial(obj: Object) -> dict[str, Any]:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


class Encoder:
    """Writes the events of one watch in the form that its client wants."""

    def __init__(self, resource: Resource, request: Request, custom: Custom | None) -> None:
        self._resource = resource
        self._form = wanted(request.headers.get("accept", ""))
        self._include = request.query.get("includeObject", "Metadata")
        self._columns = table.columns(resource, custom) if self._form == "Table" else ()
        self._headed = True

    def event(self, kind: str, obj: Object, known: bytes | None) -> bytes:
        """One event's line. `known` is the object's JSON, if it is at hand."""
        if self._form == "PartialObjectMetadata":
            body = store.encode(partial(obj))
        elif self._form == "Table":
            body = store.encode(self._table(obj["metadata"]["resourceVersion"], (versioned(self._resource, obj),)))
        elif known is not None and obj.get("apiVersion") == self._resource.api_version:
            body = known
        else:
            body = store.encode(versioned(self._resource, obj))
        return b'{"type":"%b","object":%b}\n' % (kind.encode(), body)

    def bookmark(self, version: str, *, end_of_initial: bool) -> bytes:
        """A bookmark's line; it may tell that all initial objects have been sent."""
        metadata: dict[str, Any] = {"resourceVersion": version, "creationTimestamp": None}
        if end_of_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "metadata": metadata}
        if self._form == "Table":
            obj = self._table(version, ())
        return b'{"type":"BOOKMARK","object":%b}\n' % store.encode(obj)

    def _table(self, version: str, rows: tuple[Object, ...]) -> dict[str, Any]:
        """A table of at most one row. Only the first of a watch says what its columns are."""
        made = table.table(self._columns, rows, {"resourceVersion": version}, self._include, headed=self._headed)
        self._headed = False
        return made
