"""One API server's state, and the one way to change it: synchronous, in memory, in the order of calls.

Every write, from a client or from a controller, passes the same defaulting, admission, validation and versioning, is
appended to the journal if there is one, and is then told to watches and subscribers.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from libs.sandbox import (
    addresses,
    admission,
    conditions,
    customs,
    deletion,
    events,
    kinds,
    metadata,
    statuses,
    storage,
    strategies,
)
from libs.sandbox.kinds import Resource
from libs.sandbox.merge import ownership
from libs.sandbox.schema import policies
from libs.sandbox.store import Event, Key, Object, Table

_FIRST_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_Entries = Sequence[ownership.Entry]


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """How a write is made: by which field manager, through which subresource, in earnest or not.

    `validation` says what becomes of unknown fields: "Ignore", "Warn" or "Strict"; warnings are added to `warnings`.
    `trusted` is for controllers, which build what they write from stored objects: there is nothing to prune, and in an
    update nothing to complete or to refuse. They never apply, so that nobody keeps account of their
    fields. `user` is who admission policies see.
    """

    manager: str = "kube-controller-manager"
    user: str = "system:kube-controller-manager"
    subresource: str = ""
    dry_run: bool = False
    validation: Literal["Ignore", "Warn", "Strict"] = "Ignore"
    warnings: list[str] | None = None
    trusted: bool = False

    def warn(self, texts: Iterable[str]) -> None:
        """Keeps warnings for the client, if there is one."""
        if self.warnings is not None:
            self.warnings.extend(texts)


INTERNAL: Final = Write()


class Cluster:
    """The server of one cluster. `path` names its journal; without one nothing outlives the process.

    `clock` gives the time that is written into objects.
    """

    def __init__(
        self, name: str, path: Path | None = None, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.name = name
        self.clock = clock
        self._storage = storage.Storage(path)
        self.registry = self._storage.registry
        self._addresses = addresses.Addresses(self._storage.table(kinds.SERVICES))
        self._admission = admission.Admission(self._storage.table)
        if not self.table(kinds.NAMESPACES).entries:
            for first in _FIRST_NAMESPACES:
                self.create(kinds.NAMESPACES, {"metadata": {"name": first}})

    # reading

    @property
    def version(self) -> int:
        """The version of the last change."""
        return self._storage.version

    def table(self, resource: Resource) -> Table:
        """The table that holds the objects of a kind."""
        return self._storage.table(resource)

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object of that name, or None. `namespace` is "" for cluster-scoped kinds."""
        entry = self.table(resource).entries.get((namespace, name))
        return entry.object if entry else None

    def list(self, resource: Resource, namespace: str = "") -> list[Object]:
        """The objects of a kind in a namespace, or in all of them; ordered by namespace and name."""
        return [entry.object for entry in self.table(resource).within(namespace)]

    def resources(self) -> tuple[Resource, ...]:
        """Every kind that is served and can be listed, once, in the version it is stored in."""
        return self.registry.stored()

    def subscribe(self, callback: Callable[[Event], None]) -> None:
        """Calls back after each commit. Changes that a callback makes are told when all have heard of the current."""
        self._storage.subscribe(callback)

    def close(self) -> None:
        """Lets go of the journal."""
        self._storage.close()

    # writing

    def create(self, resource: Resource, body: Object, *, namespace: str = "", write: Write = INTERNAL) -> Object:
        """Stores a new object. Raises Refusal, as do all writes."""
        meta = body.get("metadata") or {}
        if resource.namespaced and not namespace:
            namespace = meta.get("namespace") or "default"
        if meta.get("resourceVersion"):
            raise statuses.bad_request("resourceVersion should not be set on objects to be created")
        return self._add(resource, namespace, self._shaped(resource, body, write), write)

    def replace(self, resource: Resource, body: Object, *, subresource: str = "", write: Write | None = None) -> Object:
        """Stores another state of an object: conditionally, if the body has a resourceVersion.

        A write that changes nothing leaves the resourceVersion as it is. The removal of the last finalizer of an object
        whose deletion has begun deletes it.
        """
        write = write or Write(subresource=subresource)
        meta = body.get("metadata") or {}
        key = (meta.get("namespace") or "" if resource.namespaced else "", meta.get("name") or "")
        old = self._existing(resource, key)
        conditions.current(resource, meta, old["metadata"], needed=True)
        given = None if write.subresource else meta.get("managedFields")
        if write.trusted:
            return self._change(resource, key, dict(body), old, write, meta.get("managedFields") or [])
        return self._change(resource, key, self._shaped(resource, body, write), old, write, given=given)

    def apply(
        self, resource: Resource, namespace: str, name: str, body: Object, *, force: bool = False, write: Write
    ) -> tuple[Object, bool]:
        """Server-side apply: `body` has the fields that the write's manager wants. The answer says if it was created.

        With `force` fields of other managers are taken over; else a change of them is refused.
        """
        key = (namespace if resource.namespaced else "", name)
        entry = self.table(resource).entries.get(key)
        old = entry.object if entry else None
        meta = body.get("metadata") or {}
        if old is None and (write.subresource or meta.get("resourceVersion")):
            raise statuses.not_found(resource, name)
        shape = self.registry.shape(resource)
        conditions.declared(resource, shape.unknown(body), body)
        if old is not None:
            conditions.current(resource, meta, old["metadata"], needed=False)
        manager, now = self._manager(resource, write), metadata.stamp(self.clock())
        made = ownership.applied(shape.node, old, body, manager, now, force=force)
        if made.conflicts:
            raise statuses.apply_conflict(made.conflicts)
        obj = self._shaped(resource, made.object, msgspec.structs.replace(write, validation="Ignore"))
        if old is None:
            return self._add(resource, namespace, obj, write, made.entries), True
        return self._change(resource, key, obj, old, write, made.entries), False

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        version: str = "",
        now: bool = False,
        grace: int | None = None,
        propagation: str = "",
        write: Write = INTERNAL,
    ) -> tuple[Object, bool]:
        """Begins the deletion of an object, or does it: the second of the answer says whether it is gone.

        `uid` and `version` are preconditions; `grace` are seconds for pods, `now` means none; `propagation` is
        "Background", "Foreground" or "Orphan".
        """
        key = (namespace if resource.namespaced else "", name)
        old = self._existing(resource, key)
        conditions.same(resource, old["metadata"], uid, version)
        deletion.permitted(resource, name)
        self._admit("DELETE", resource, key, None, old, write)
        seconds = 0 if now else deletion.grace(resource, old, grace)
        obj = deletion.begun(resource, old, propagation, seconds, self.clock())
        if deletion.finished(resource, obj):
            return self._take(resource, key, old, write), True
        return (old if obj == old else self._put(resource, key, obj, old, write)), False

    # the steps of a write

    def _existing(self, resource: Resource, key: Key) -> Object:
        entry = self.table(resource).entries.get(key)
        if entry is None:
            raise statuses.not_found(resource, key[1])
        return entry.object

    def _manager(self, resource: Resource, write: Write) -> ownership.Manager:
        subresource = "" if write.subresource == "*" else write.subresource
        foreign = strategies.foreign(resource, subresource)
        return ownership.Manager(write.manager, subresource, resource.api_version, foreign)

    def _shaped(self, resource: Resource, body: Object, write: Write) -> dict[str, Any]:
        """A new object from what came: checked for types, pruned, with its defaults, in the version it is stored in."""
        shape = self.registry.shape(resource)
        if write.validation != "Ignore":
            unknown = shape.unknown(body)
            write.warn(conditions.known(resource, unknown, strict=write.validation == "Strict"))
        pruned = body if write.trusted else shape.prune(body)
        if not write.trusted and (wrong := shape.malformed(body)):
            raise statuses.bad_request(wrong)
        obj = {key: value for key, value in shape.default(pruned).items() if key not in ("kind", "apiVersion")}
        made = {"kind": resource.kind, "apiVersion": resource.stored_api_version, **obj}
        return events.stored(made) if resource.group == "events.k8s.io" else made

    def _add(
        self, resource: Resource, namespace: str, obj: dict[str, Any], write: Write, entries: _Entries | None = None
    ) -> Object:
        """Stores a new object that is whole but for what the server sets. `entries` say who owns what."""
        now = self.clock()
        obj["metadata"] = metadata.fresh(resource, obj, namespace, now)
        name = obj["metadata"]["name"]
        key = (namespace if resource.namespaced else "", name)
        self._admission.creatable(resource, name, namespace)
        if entries is None and not write.trusted:
            node, manager = self.registry.shape(resource).node, self._manager(resource, write)
            entries = ownership.updated(node, None, obj, manager, metadata.stamp(now))
        if entries:
            obj["metadata"]["managedFields"] = entries
        obj = self._furnished(resource, strategies.created(resource, obj), None)
        self._validate(resource, obj, None)
        self._admit("CREATE", resource, key, obj, None, write)
        if key in self.table(resource).entries:
            raise statuses.already_exists(resource, name)
        return self._put(resource, key, obj, None, write)

    def _change(
        self,
        resource: Resource,
        key: Key,
        obj: dict[str, Any],
        old: Object,
        write: Write,
        entries: _Entries | None = None,
        given: _Entries | None = None,
    ) -> Object:
        """Stores another state of an object. `entries` say who owns what; `given` is what a client makes of `old`'s."""
        before = old["metadata"].get("managedFields") or []
        owned = before if entries is None else entries
        if given is not None and given != before:
            owned = [] if given in ([], [{}]) else given if ownership.readable(given) else before
        obj["metadata"] = metadata.carried(old["metadata"], obj)
        obj = self._furnished(resource, strategies.updated(resource, obj, old, write.subresource), old)
        if owned:
            obj["metadata"] = {**obj["metadata"], "managedFields": owned}
        if obj == old:
            return old
        if entries is None:
            node, manager = self.registry.shape(resource).node, self._manager(resource, write)
            base = {**old, "metadata": {**old["metadata"], "managedFields": owned}}
            now = metadata.stamp(self.clock())
            if entries := ownership.updated(node, base, obj, manager, now):
                obj["metadata"] = {**obj["metadata"], "managedFields": entries}
        if not write.trusted:
            self._validate(resource, obj, old)
        self._admit("UPDATE", resource, key, obj, old, write)
        if obj["metadata"].get("deletionTimestamp") and deletion.finished(resource, obj):
            return self._take(resource, key, obj, write)
        return self._put(resource, key, obj, old, write)

    def _furnished(self, resource: Resource, obj: Object, old: Object | None) -> Object:
        """The object with what only the whole cluster can give: Services their addresses, definitions their names."""
        if resource is kinds.SERVICES:
            return self._addresses.completed(obj, old)
        if resource is kinds.CUSTOM_RESOURCE_DEFINITIONS:
            return customs.accepted(obj, self.registry.all(), metadata.stamp(self.clock()))
        return obj

    def _validate(self, resource: Resource, obj: Object, old: Object | None) -> None:
        causes = [*metadata.faults(resource, obj, old), *self.registry.shape(resource).validate(obj, old)]
        if causes:
            raise statuses.invalid(resource, obj["metadata"]["name"], causes)

    def _admit(
        self, operation: str, resource: Resource, key: Key, obj: Object | None, old: Object | None, write: Write
    ) -> None:
        request = policies.Request(
            operation=operation,
            group=resource.group,
            version=resource.stored or resource.version,
            kind=resource.kind,
            resource=resource.plural,
            subresource=write.subresource.strip("*"),
            namespace=key[0],
            name=key[1],
            username=write.user,
            dry_run=write.dry_run,
        )
        write.warn(self._admission.review(request, resource, obj, old))
        if obj is not None and resource is kinds.CUSTOM_RESOURCE_DEFINITIONS and not write.subresource:
            write.warn(customs.warnings(obj))

    def _put(self, resource: Resource, key: Key, obj: Object, old: Object | None, write: Write) -> Object:
        if not write.dry_run:
            return self._storage.put(resource, key, obj, old)
        version = old["metadata"]["resourceVersion"] if old else ""
        return {**obj, "metadata": metadata.versioned(obj["metadata"], version)}

    def _take(self, resource: Resource, key: Key, last: Object, write: Write) -> Object:
        return last if write.dry_run else self._storage.take(resource, key, last)
