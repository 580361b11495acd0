"""Get and list."""

import base64
import binascii
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from libs.sandbox import selectors, statuses, store
from libs.sandbox.cluster import Cluster
from libs.sandbox.serving import formats
from libs.sandbox.serving.routes import Target
from libs.sandbox.serving.wire import Reply, Request
from libs.sandbox.store import Entry
from libs.sandbox.tables import table

_PAGED_LISTS: Final = 64
"""Lists that may be under way page by page; of the longest unused the token expires."""


class Token(msgspec.Struct, frozen=True):
    """A continue token: the list it belongs to, and how many objects have been given."""

    list: int
    given: int


class Paged(msgspec.Struct, frozen=True):
    """A list that is being given page by page: what it held when it began."""

    version: int
    entries: tuple[Entry, ...]


class Reads:
    """Answers GET requests that are no watches."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._paged: OrderedDict[int, Paged] = OrderedDict()
        self._begun = 0

    def get(self, target: Target, request: Request) -> Reply:
        """One object."""
        self._check_version(request)
        entry = self._cluster.table(target.resource).entries.get((target.namespace, target.name))
        if entry is None:
            raise statuses.not_found(target.resource, target.name)
        match formats.wanted(request.headers.get("accept", "")):
            case "PartialObjectMetadata":
                return Reply(body=store.encode(formats.partial(entry.object)))
            case "Table":
                metadata = {"resourceVersion": str(entry.version)}
                return self._table(target, request, metadata, (entry,))
            case _:
                return Reply(body=formats.raw(target.resource, entry))

    def list(self, target: Target, request: Request) -> Reply:
        """The objects of a kind that the selectors take, all or a page of them."""
        query = request.query
        entries: Iterable[Entry]
        if query.get("continue"):
            version, entries, given = self._resume(query["continue"])
        else:
            self._check_version(request)
            self._check_exact(target, query)
            version, entries, given = self._cluster.version, self.chosen(target, request), 0
        limit = int(query.get("limit") or 0)
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if limit:
            whole = tuple(entries)
            entries = whole[given : given + limit]
            remaining = len(whole) - given - limit
            if remaining > 0:
                metadata["continue"] = self._keep(query.get("continue"), version, whole, given + limit)
                if not query.get("labelSelector") and not query.get("fieldSelector"):
                    metadata["remainingItemCount"] = remaining
        return self._listed(target, request, metadata, entries)

    def _listed(self, target: Target, request: Request, metadata: dict[str, Any], entries: Iterable[Entry]) -> Reply:
        resource = target.resource
        match formats.wanted(request.headers.get("accept", "")):
            case "PartialObjectMetadata":
                body: dict[str, Any] = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
                items = [formats.partial(entry.object) for entry in entries]
                return Reply(body=store.encode(body | {"metadata": metadata, "items": items}))
            case "Table":
                return self._table(target, request, metadata, entries)
            case _:
                head = {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": metadata}
                raws = b",".join(formats.raw(resource, entry) for entry in entries)
                return Reply(body=b'%b,"items":[%b]}' % (store.encode(head)[:-1], raws))

    def _table(self, target: Target, request: Request, metadata: dict[str, Any], entries: Iterable[Entry]) -> Reply:
        resource = target.resource
        shown = table.columns(resource, self._cluster.registry.custom(resource))
        objects = (formats.versioned(resource, entry.object) for entry in entries)
        include = request.query.get("includeObject", "Metadata")
        return Reply(body=store.encode(table.table(shown, objects, metadata, include)))

    def chosen(self, target: Target, request: Request) -> Iterable[Entry]:
        """The entries that the request's path and selectors take, in order."""
        query = request.query
        table = self._cluster.table(target.resource)
        name = target.name or selectors.name_of(query.get("fieldSelector", ""))
        test = test_of(target, request)
        if name and (target.namespace or not target.resource.namespaced):
            found = table.entries.get((target.namespace, name))
            entries: Iterator[Entry] = iter((found,) if found else ())
        else:
            entries = table.within(target.namespace)
        return entries if test is None else (entry for entry in entries if test(entry.object))

    def _check_version(self, request: Request) -> None:
        asked = version_of(request)
        if asked > self._cluster.version:
            raise statuses.too_large_version(asked, self._cluster.version)

    def _check_exact(self, target: Target, query: dict[str, str]) -> None:
        match = query.get("resourceVersionMatch")
        if match and not query.get("resourceVersion"):
            raise statuses.bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
        if match != "Exact":
            return
        version = int(query["resourceVersion"])
        since = self._cluster.table(target.resource).since(version)
        if since is None or next(since, None) is not None:
            raise statuses.expired(f"The resourceVersion for the provided list is too old: {version}.")

    def _keep(self, token: str | None, version: int, entries: tuple[Entry, ...], given: int) -> str:
        if token:
            number = _token(token).list
        else:
            self._begun += 1
            number = self._begun
        self._paged[number] = Paged(version, entries)
        self._paged.move_to_end(number)
        if len(self._paged) > _PAGED_LISTS:
            self._paged.popitem(last=False)
        return base64.urlsafe_b64encode(msgspec.json.encode(Token(number, given))).decode()

    def _resume(self, token: str) -> tuple[int, tuple[Entry, ...], int]:
        place = _token(token)
        found = self._paged.get(place.list)
        if found is None:
            raise statuses.expired(
                "The provided continue parameter is too old to display a consistent list result. You must start a new"
                " list without the continue parameter."
            )
        return found.version, found.entries, place.given


def test_of(target: Target, request: Request) -> selectors.Test | None:
    """The test that the request's selectors make."""
    query = request.query
    fields = query.get("fieldSelector", "")
    return selectors.both(
        selectors.labels(query.get("labelSelector", "")),
        selectors.fields(fields, target.resource, target.resource.selectable),
    )


def version_of(request: Request) -> int:
    """The resourceVersion that is asked for, 0 if any will do. Raises Refusal."""
    text = request.query.get("resourceVersion") or "0"
    if not text.isdecimal():
        raise statuses.bad_request(f'invalid resource version "{text}": must be a number')
    return int(text)


def _token(text: str) -> Token:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Token)
    except (binascii.Error, msgspec.DecodeError):
        raise statuses.bad_request("continue key is not valid") from None
