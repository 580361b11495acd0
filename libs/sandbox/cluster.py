"""One API server's state, and the one way to change it: synchronous, in memory, in the order of calls.

Every write, from a client or from a controller, passes the same defaulting, admission, validation and versioning, is
appended to the journal if there is one, and is then told to watches and subscribers.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from libs.sandbox import (
    admission,
    customs,
    definitions,
    journal,
    kinds,
    metadata,
    recovery,
    registry,
    statuses,
    store,
    strategies,
)
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Entry, Event, Key, Object, Table

OBJECT_LIMIT: Final = 1_572_864
"""Bytes of an object as stored: etcd's default `--max-request-bytes`."""
_PROPAGATION_FINALIZERS: Final = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
_FIRST_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """How a write is made: by which field manager, through which subresource, in earnest or not.

    `validation` says what becomes of unknown fields: "Ignore", "Warn" or "Strict"; warnings are added to `warnings`.
    """

    manager: str = "kube-controller-manager"
    subresource: str = ""
    dry_run: bool = False
    validation: Literal["Ignore", "Warn", "Strict"] = "Ignore"
    warnings: list[str] = []


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
        self.version = 0
        self.registry = registry.Registry()
        self._tables: dict[str, Table] = {}
        self._subscribers: list[Callable[[Event], None]] = []
        self._untold: deque[Event] = deque()
        self._telling = False
        self._journal: journal.Journal | None = None
        if path is not None:
            self._journal = journal.Journal(path)
            self.version = recovery.load(self._journal, self.registry, self.table)
            self._journal.rewrite(recovery.lines(self.version, self._tables))
        if not self.table(kinds.NAMESPACES).entries:
            self._begin()

    # reading

    def table(self, resource: Resource) -> Table:
        """The table that holds the objects of a kind."""
        name = registry.table(resource)
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = Table(resource)
        return found

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
        self._subscribers.append(callback)

    # writing

    def create(self, resource: Resource, body: Object, *, namespace: str = "", write: Write = INTERNAL) -> Object:
        """Stores a new object. Raises Refusal, as do all writes."""
        meta = body.get("metadata") or {}
        if resource.namespaced and not namespace:
            namespace = meta.get("namespace") or "default"
        if meta.get("resourceVersion"):
            raise statuses.bad_request("resourceVersion should not be set on objects to be created")
        obj = self._shaped(resource, body, write)
        obj["metadata"] = metadata.fresh(resource, obj, namespace, self.clock())
        name = obj["metadata"]["name"]
        key = (namespace if resource.namespaced else "", name)
        admission.creatable(resource, name, namespace, self.table(kinds.NAMESPACES))
        obj = self._named(resource, strategies.created(resource, obj))
        self._validate(resource, obj, None)
        if key in self.table(resource).entries:
            raise statuses.already_exists(resource, name)
        return self._commit(resource, key, obj, None, write)

    def replace(self, resource: Resource, body: Object, *, subresource: str = "", write: Write | None = None) -> Object:
        """Stores another state of an object: conditionally, if the body has a resourceVersion.

        A write that changes nothing leaves the resourceVersion as it is. The removal of the last finalizer of an object
        whose deletion has begun deletes it.
        """
        write = write or Write(subresource=subresource)
        meta = body.get("metadata") or {}
        key = (meta.get("namespace") or "" if resource.namespaced else "", meta.get("name") or "")
        old = self._existing(resource, key)
        self._check_version(resource, meta, old)
        obj = self._shaped(resource, body, write)
        obj["metadata"] = metadata.carried(old["metadata"], obj)
        obj = self._named(resource, strategies.updated(resource, obj, old, write.subresource))
        if obj == old:
            return old
        self._validate(resource, obj, old)
        if obj["metadata"].get("deletionTimestamp") and self._removable(resource, obj):
            return self._remove(resource, key, obj, write)
        return self._commit(resource, key, obj, old, write)

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
        meta = old["metadata"]
        _check_preconditions(resource, meta, uid, version)
        admission.deletable(resource, name)
        finalizers = [each for each in meta.get("finalizers") or () if each not in _PROPAGATION_FINALIZERS.values()]
        if propagation in _PROPAGATION_FINALIZERS:
            finalizers.append(_PROPAGATION_FINALIZERS[propagation])
        elif not propagation:
            finalizers = meta.get("finalizers") or []
        seconds = 0 if now else _grace(resource, old, grace)
        obj = _marked(old, finalizers, seconds, self.clock())
        if self._removable(resource, obj):
            return self._remove(resource, key, old, write), True
        if not meta.get("deletionTimestamp"):
            obj = admission.terminating(resource, obj)
        if obj == old:
            return old, False
        return self._commit(resource, key, obj, old, write), False

    def close(self) -> None:
        """Lets go of the journal."""
        if self._journal:
            self._journal.close()

    # the steps of a write

    def _existing(self, resource: Resource, key: Key) -> Object:
        entry = self.table(resource).entries.get(key)
        if entry is None:
            raise statuses.not_found(resource, key[1])
        return entry.object

    def _check_version(self, resource: Resource, meta: dict[str, Any], old: Object) -> None:
        name, version = old["metadata"]["name"], meta.get("resourceVersion")
        if meta.get("uid") and meta["uid"] != old["metadata"]["uid"]:
            _check_preconditions(resource, old["metadata"], meta["uid"], "")
        if not version and strategies.needs_version(resource):
            fault = metadata.Fault(
                "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update", "FieldValueInvalid"
            )
            raise statuses.invalid(resource, name, [fault])
        if version and version != old["metadata"]["resourceVersion"]:
            raise statuses.stale(resource, name)

    def _shaped(self, resource: Resource, body: Object, write: Write) -> dict[str, Any]:
        """A new object from what came: checked for types, pruned, with its defaults, in the version it is stored in."""
        shape = self.registry.shape(resource)
        if write.validation != "Ignore":
            _judge_unknown(resource, shape.unknown(body), write)
        if wrong := shape.malformed(body):
            raise statuses.bad_request(wrong)
        obj = shape.default(shape.prune(body))
        return {"kind": resource.kind, "apiVersion": resource.stored_api_version, **_without(obj, "kind", "apiVersion")}

    def _named(self, resource: Resource, obj: Object) -> Object:
        """A CustomResourceDefinition with its names judged; other objects as they are."""
        if resource.table != kinds.CUSTOM_RESOURCE_DEFINITIONS.table:
            return obj
        try:
            return customs.accepted(obj, self.registry.all(), metadata.stamp(self.clock()))
        except KeyError:
            return obj  # not whole: validation, which comes next, says what is missing

    def _validate(self, resource: Resource, obj: Object, old: Object | None) -> None:
        causes = [*metadata.faults(resource, obj, old), *self.registry.shape(resource).validate(obj, old)]
        if causes:
            raise statuses.invalid(resource, obj["metadata"]["name"], causes)

    def _removable(self, resource: Resource, obj: Object) -> bool:
        return not obj["metadata"].get("deletionGracePeriodSeconds") and not admission.held(resource, obj)

    def _commit(self, resource: Resource, key: Key, obj: Object, old: Object | None, write: Write) -> Object:
        """Gives the object its version, stores it and tells of it; in a dry run it only looks so."""
        if write.dry_run:
            return obj
        version = self.version + 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}
        raw = store.encode(obj)
        if len(raw) > OBJECT_LIMIT:
            raise statuses.too_large_object()
        self.version = version
        table = self.table(resource)
        table.put(key, Entry(object=obj, raw=raw, version=version))
        kind: Literal["ADDED", "MODIFIED"] = "MODIFIED" if old is not None else "ADDED"
        event = Event(type=kind, resource=table.resource, object=obj, old=old, raw=raw, version=version)
        self._record(table, key, event, msgspec.Raw(raw))
        return obj

    def _remove(self, resource: Resource, key: Key, last: Object, write: Write) -> Object:
        """Takes the object out and tells of it, with its last state."""
        if write.dry_run:
            return last
        self.version += 1
        table = self.table(resource)
        old = table.entries[key].object
        table.remove(key)
        obj = {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.version)}}
        event = Event(
            type="DELETED", resource=table.resource, object=obj, old=old, raw=store.encode(obj), version=self.version
        )
        self._record(table, key, event, journal.NOTHING)
        return obj

    def _record(self, table: Table, key: Key, event: Event, raw: msgspec.Raw) -> None:
        if self._journal:
            self._journal.append(journal.Line(v=event.version, t=registry.table(table.resource), k=key, o=raw))
            if self._journal.bloated:
                self._journal.rewrite(recovery.lines(self.version, self._tables))
        table.remember(event)
        if table.resource.table == kinds.CUSTOM_RESOURCE_DEFINITIONS.table:
            definitions.follow(event, self.registry, self.table)
        self._untold.append(event)
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                self._tell(self._untold.popleft())
        finally:
            self._telling = False

    def _tell(self, event: Event) -> None:
        for watcher in tuple(self.table(event.resource).watchers):
            watcher.deliver(event)
        for subscriber in self._subscribers:
            subscriber(event)

    def _begin(self) -> None:
        for name in _FIRST_NAMESPACES:
            self.create(kinds.NAMESPACES, {"metadata": {"name": name}})


def _judge_unknown(resource: Resource, unknown: "list[str]", write: Write) -> None:
    told = [f'unknown field "{path}"' for path in unknown]
    if told and write.validation == "Strict":
        api = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
        raise statuses.bad_request(f"{api}: strict decoding error: {', '.join(told)}")
    write.warnings.extend(told)


def _without(obj: Object, *keys: str) -> Object:
    return {key: value for key, value in obj.items() if key not in keys}


def _check_preconditions(resource: Resource, meta: dict[str, Any], uid: str, version: str) -> None:
    name = meta["name"]
    for noun, asked, found in (("UID", uid, meta["uid"]), ("ResourceVersion", version, meta["resourceVersion"])):
        if asked and asked != found:
            place = f"/registry/{resource.table}/{meta.get('namespace') or ''}/{name}".replace("//", "/")
            why = (
                f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg:"
                f" Precondition failed: {noun} in precondition: {asked}, {noun} in object meta: {found}"
            )
            raise statuses.conflict(resource, name, why)


def _grace(resource: Resource, obj: Object, asked: int | None) -> int:
    """Seconds that a pod gets; other kinds go at once."""
    if resource.table != "pods" or not obj["spec"].get("nodeName"):
        return 0
    if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    given = obj["spec"].get("terminationGracePeriodSeconds")
    seconds = int(asked if asked is not None else 30 if given is None else given)
    before = obj["metadata"].get("deletionGracePeriodSeconds")
    return seconds if before is None else min(seconds, before)


def _marked(old: Object, finalizers: "list[str]", grace: int, now: datetime) -> Object:
    """The object with its deletion begun."""
    meta = {key: value for key, value in old["metadata"].items() if key != "finalizers"}
    if finalizers:
        meta["finalizers"] = finalizers
    if not meta.get("deletionTimestamp"):
        meta["deletionTimestamp"] = metadata.stamp(now)
        if meta.get("generation"):
            meta["generation"] += 1
    meta["deletionGracePeriodSeconds"] = grace
    return {**old, "metadata": meta}
