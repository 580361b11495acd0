"""Watches: committed changes, written to the client in the commit itself.

Reference: k8s.io/apiserver pkg/endpoints/handlers/watch.go, pkg/storage/cacher; KEP-3157 for `sendInitialEvents`.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from libs.sandbox import metadata, selectors, statuses, store
from libs.sandbox.cluster import Cluster
from libs.sandbox.kinds import Resource
from libs.sandbox.serving import formats, reads
from libs.sandbox.serving.routes import Target
from libs.sandbox.serving.wire import Request
from libs.sandbox.statuses import Refusal
from libs.sandbox.store import Entry, Event, Object

_LIST_OPTIONS: Final = Resource(group="meta.k8s.io", version="v1", kind="ListOptions", plural="listoptions")
_BOOKMARKS: Final = timedelta(seconds=30)
_LIFETIME: Final = timedelta(minutes=30)
"""The least time after which a watch is ended that names no `timeoutSeconds`; at most twice that."""


class Watch:
    """One watch. `initial` are the objects that it begins with, if it was asked to begin with any."""

    def __init__(self, cluster: Cluster, target: Target, request: Request, initial: Iterable[Entry]) -> None:
        query = request.query
        if "sendInitialEvents" in query and query.get("resourceVersionMatch") != "NotOlderThan":
            told = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            fault = metadata.Fault("resourceVersionMatch", told, "FieldValueForbidden")
            raise statuses.invalid(_LIST_OPTIONS, "", [fault])
        self.content_type = "application/json"
        self._cluster = cluster
        self._target = target
        self._table = cluster.table(target.resource)
        self._since = reads.version_of(request)
        self._initial = list(initial) if _begins_with_objects(request) else None
        self._announce = request.asks("sendInitialEvents")
        self._bookmarks = request.asks("allowWatchBookmarks")
        self._name = target.name or selectors.name_of(query.get("fieldSelector", ""))
        self._test = reads.test_of(target, request)
        seconds = query.get("timeoutSeconds") or ""
        self._lifetime = float(seconds) if seconds.isdecimal() and seconds != "0" else 0.0
        self._lifetime = self._lifetime or _LIFETIME.total_seconds() * (1 + random.random())
        self._form = formats.Encoder(target.resource, request, cluster.registry.custom(target.resource))
        self._timers: list[asyncio.TimerHandle] = []
        self._send: Callable[[bytes], None]
        self._end: Callable[[], None]

    def open(self, send: Callable[[bytes], None], end: Callable[[], None]) -> None:
        """Begins: with the initial objects or with the changes since the version that was asked for."""
        self._send, self._end = send, end
        if self._initial is not None:
            if self._initial:
                self._send(b"".join(self._form.event("ADDED", entry.object, entry.raw) for entry in self._initial))
            self._initial = None
            if self._announce and self._bookmarks:
                self._bookmark(end_of_initial=True)
        else:
            missed = self._table.since(self._since)
            if missed is None:
                self._refuse(statuses.too_old(self._since, self._table.floor))
                return
            for event in missed:
                self.deliver(event)
        self._table.watchers.add(self)
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(self._lifetime, self._finish)]
        if self._bookmarks:
            self._timers.append(loop.call_later(_BOOKMARKS.total_seconds(), self._keep_fresh))

    def closed(self) -> None:
        """Stops."""
        self._table.watchers.discard(self)
        for timer in self._timers:
            timer.cancel()

    def deliver(self, event: Event) -> None:
        """Sends a change, if the selectors take it."""
        if event.version <= self._since:
            return
        obj, meta = event.object, event.object["metadata"]
        if self._target.namespace and meta.get("namespace") != self._target.namespace:
            return
        if self._name and meta["name"] != self._name:
            return
        if self._test is None:
            self._send(self._form.event(event.type, obj, event.raw))
            return
        before = event.old is not None and self._test(event.old)
        now = event.type != "DELETED" and self._test(obj)
        if now:
            self._send(self._form.event("MODIFIED" if before else "ADDED", obj, event.raw))
        elif before and event.type == "DELETED":
            self._send(self._form.event("DELETED", obj, event.raw))
        elif before:
            self._send(self._form.event("DELETED", _last_seen(event), None))

    def withdrawn(self, resource: Resource) -> None:
        """Ends the watch if it is one of this kind."""
        if (resource.group, resource.version) == (self._target.resource.group, self._target.resource.version):
            self._end()

    def _bookmark(self, *, end_of_initial: bool = False) -> None:
        self._send(self._form.bookmark(str(self._cluster.version), end_of_initial=end_of_initial))

    def _keep_fresh(self) -> None:
        self._bookmark()
        loop = asyncio.get_running_loop()
        self._timers[1] = loop.call_later(_BOOKMARKS.total_seconds(), self._keep_fresh)

    def _finish(self) -> None:
        if self._bookmarks:
            self._bookmark()
        self._end()

    def _refuse(self, refusal: Refusal) -> None:
        self._send(b'{"type":"ERROR","object":%b}\n' % store.encode(refusal.status()))
        self._end()


def _begins_with_objects(request: Request) -> bool:
    if "sendInitialEvents" in request.query:
        return request.asks("sendInitialEvents")
    return request.query.get("resourceVersion", "") in ("", "0")


def _last_seen(event: Event) -> Object:
    """What an object looked like that a selector takes no more: its previous content at the new version."""
    assert event.old is not None
    version = event.object["metadata"]["resourceVersion"]
    return {**event.old, "metadata": {**event.old["metadata"], "resourceVersion": version}}
