"""Runs the controllers of one cluster: changes in, keys in order, decisions performed. All on the event loop, in turns.

A turn takes the most urgent keys until its time is up and then lets the loop serve others: several clusters and their
HTTP servers share one loop. Controllers are listed from the most urgent on: pods go before what counts pods, so that a
burst ends in one status and not in one per step.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from libs.sandbox import cluster, statuses
from libs.sandbox.controllers import objects
from libs.sandbox.controllers.actions import Action, Create, Delete, Replace
from libs.sandbox.controllers.controller import Controller, Route
from libs.sandbox.controllers.placement import PODS
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.store import Event

_TURN: Final = 0.0015
"""Seconds of work before the loop gets its turn."""
_BACKOFF: Final = (0.01, 30.0)
"""Seconds before a key whose decision could not be performed is looked at again: at first and at most."""
_CROWD: Final = 20
_CROWD_PAUSE: Final = 0.1
"""When more than so many pods wait for room, they are looked at once in so many seconds, not for each pod that goes."""
_WRITES: Final = {name: cluster.Write(subresource=name, trusted=True) for name in ("", "status", "finalize", "*")}
_log: Final = structlog.get_logger(__name__)


class Runner:
    """The controllers of one cluster. Between `start` and `stop` it follows the cluster's changes by itself."""

    def __init__(
        self, state: cluster.Cluster, controllers: Sequence[Controller], clock: Callable[[], datetime] | None = None
    ) -> None:
        self._cluster = state
        self._controllers = controllers
        self._clock = clock or (lambda: datetime.now(UTC))
        self.view = View(lambda group, kind: state.registry.of(group, kind) is not None)
        self._queues: tuple[dict[Key, None], ...] = tuple({} for _ in controllers)
        self._routes: dict[str, list[tuple[int, Route]]] = defaultdict(list)
        self._by_table: dict[str, list[tuple[int, Route]]] = {}
        for place, controller in enumerate(controllers):
            for table, route in controller.routes.items():
                self._routes[table].append((place, route))
        self._timers: dict[tuple[int, Key], asyncio.TimerHandle] = {}
        self._failures: dict[tuple[int, Key], int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn: asyncio.Handle | None = None
        self._crowd: asyncio.Handle | None = None
        self._waiters: list[asyncio.Future[None]] = []
        state.subscribe(self.observe)

    def start(self) -> None:
        """Takes in what the cluster holds, and begins. Must be called on the event loop that the cluster lives on."""
        self._loop = asyncio.get_running_loop()
        seen = [
            Event(type="ADDED", resource=resource, object=obj, raw=b"", version=0)
            for resource in self._cluster.resources()
            for obj in self._cluster.list(resource)
        ]
        for event in seen:
            self.view.observe(event)
        for event in seen:
            self._route(event)

    def stop(self) -> None:
        """Ends all work. What is not done yet is found again by the next `start`."""
        self._loop = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for handle in (self._turn, self._crowd):
            if handle:
                handle.cancel()
        self._turn = self._crowd = None

    async def settled(self) -> None:
        """Returns when nothing is left to do now; timers may be running."""
        if self._next() is not None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def observe(self, event: Event) -> None:
        """Takes in a change."""
        if self._loop is None:
            return
        try:
            if self.view.observe(event):
                self._room()
            self._route(event)
        except Exception:  # noqa: BLE001  whoever wrote the object must not suffer for what a controller makes of it
            _log.exception("not understood", resource=event.resource.table, name=objects.name(event.object))

    def _room(self) -> None:
        """A node has room again: the pods that wait for some are looked at."""
        if self._loop is None or self._crowd is not None:
            return
        if len(self.view.load.waiting) > _CROWD:
            self._crowd = self._loop.call_later(_CROWD_PAUSE, self._admit)
        else:
            self._admit()

    def _admit(self) -> None:
        self._crowd = None
        place = next((place for place, each in enumerate(self._controllers) if each.name == PODS), None)
        if place is not None:
            for key in self.view.load.waiting:
                self._add(place, key)

    def _route(self, event: Event) -> None:
        table = event.resource.table
        routes = self._by_table.get(table)
        if routes is None:
            routes = self._by_table[table] = [*self._routes.get(table, ()), *self._routes.get("", ())]
        for place, route in routes:
            for key in route(event, self.view):
                self._add(place, key)

    def _add(self, place: int, key: Key) -> None:
        self._queues[place].setdefault(key)
        if self._turn is None and self._loop is not None:
            self._turn = self._loop.call_soon(self._work)

    def _work(self) -> None:
        loop = self._loop
        if loop is None:
            return
        end = time.perf_counter() + _TURN
        while (place := self._next()) is not None and time.perf_counter() < end:
            queue = self._queues[place]
            key = next(iter(queue))
            del queue[key]
            self._look(loop, place, key)
        if self._next() is not None:
            self._turn = loop.call_soon(self._work)
            return
        self._turn = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def _next(self) -> int | None:
        for place, queue in enumerate(self._queues):
            if queue:
                return place
        return None

    def _look(self, loop: asyncio.AbstractEventLoop, place: int, key: Key) -> None:
        timer = self._timers.pop((place, key), None)
        if timer:
            timer.cancel()
        self.view.now = self._clock()
        controller = self._controllers[place]
        after: float | None
        try:
            decision = controller.look(self.view, key)
            for action in decision.actions:
                self._perform(action)
            if decision.final:
                self._queues[place].pop(key, None)
            after = decision.after
            self._failures.pop((place, key), None)
            self.view.refusals.pop((controller.name, *key), None)
        except statuses.Refusal as refusal:
            after = self._retry(place, key)
            if refusal.reason not in ("Conflict", "NotFound"):
                self.view.refusals[(controller.name, *key)] = refusal.message
                _log.debug("refused", controller=controller.name, key=key, message=refusal.message)
        except Exception:  # noqa: BLE001  one key that cannot be decided must not stop the others
            _log.exception("failed", controller=controller.name, key=key)
            after = self._retry(place, key)
        if after is not None:
            self._timers[place, key] = loop.call_later(after, self._due, place, key)

    def _due(self, place: int, key: Key) -> None:
        self._timers.pop((place, key), None)
        self._add(place, key)

    def _retry(self, place: int, key: Key) -> float:
        count = self._failures[place, key] = self._failures.get((place, key), 0) + 1
        first, most = _BACKOFF
        return min(most, first * float(1 << min(count - 1, 20)))

    def _perform(self, action: Action) -> None:
        if isinstance(action, Create):
            namespace = str(action.body["metadata"].get("namespace") or "")
            self._cluster.create(action.resource, action.body, namespace=namespace, write=_WRITES[""])
        elif isinstance(action, Replace):
            self._cluster.replace(action.resource, action.body, write=_WRITES[action.subresource])
        else:
            self._delete(action)

    def _delete(self, action: Delete) -> None:
        target = action.target
        try:
            self._cluster.delete(
                action.resource,
                objects.namespace(target),
                objects.name(target),
                uid=objects.uid(target),
                now=action.now,
                propagation=action.propagation,
            )
        except statuses.Refusal as refusal:
            if refusal.reason not in ("NotFound", "Conflict"):
                raise
