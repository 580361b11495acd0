"""The tables of one server with their versions, journal and listeners: every change of them passes here, in order."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from libs.sandbox import definitions, journal, kinds, recovery, registry, statuses, store
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Entry, Event, Key, Object, Table

OBJECT_LIMIT: Final = 1_572_864
"""Bytes of an object as stored: etcd's default `--max-request-bytes`."""


class Storage:
    """What a server holds. `path` names its journal; without one nothing outlives the process."""

    def __init__(self, path: Path | None = None) -> None:
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

    def table(self, resource: Resource) -> Table:
        """The table that holds the objects of a kind."""
        name = registry.table(resource)
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = Table(kinds.EVENTS if name == kinds.EVENTS.table else resource)
        return found

    def subscribe(self, callback: Callable[[Event], None]) -> None:
        """Calls back after each commit. Changes that a callback makes are told when all have heard of the current."""
        self._subscribers.append(callback)

    def put(self, resource: Resource, key: Key, obj: Object, old: Object | None) -> Object:
        """Stores an object under a new version and tells of it. Raises Refusal if it is too large."""
        version = self.version + 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}
        raw = store.encode(obj)
        if len(raw) > OBJECT_LIMIT:
            raise statuses.too_large_object()
        self.version = version
        table = self.table(resource)
        before = table.entries.get(key)
        table.put(key, Entry(object=obj, raw=raw, version=version))
        kind: Literal["ADDED", "MODIFIED"] = "MODIFIED" if old is not None else "ADDED"
        event = Event(
            type=kind,
            resource=table.resource,
            object=obj,
            old=old,
            raw=raw,
            old_raw=before.raw if before else None,
            version=version,
        )
        self._record(table, key, event, msgspec.Raw(raw))
        return obj

    def take(self, resource: Resource, key: Key, last: Object) -> Object:
        """Takes an object out and tells of it, with its last state under a new version."""
        self.version += 1
        table = self.table(resource)
        before = table.entries[key]
        table.remove(key)
        obj = {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.version)}}
        raw = store.encode(obj)
        event = Event(
            type="DELETED",
            resource=table.resource,
            object=obj,
            old=before.object,
            raw=raw,
            old_raw=before.raw,
            version=self.version,
        )
        self._record(table, key, event, journal.NOTHING)
        return obj

    def close(self) -> None:
        """Lets go of the journal."""
        if self._journal:
            self._journal.close()

    def _record(self, table: Table, key: Key, event: Event, raw: msgspec.Raw) -> None:
        if self._journal:
            self._journal.append(journal.Line(v=event.version, t=registry.table(table.resource), k=key, o=raw))
            if self._journal.bloated:
                self._journal.rewrite(recovery.lines(self.version, self._tables))
        table.remember(event)
        if table.resource is kinds.CUSTOM_RESOURCE_DEFINITIONS:
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
