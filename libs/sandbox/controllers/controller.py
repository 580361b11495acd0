"""What a controller is: which changes concern which keys, and what it decides for a key. And usual rules for keys."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from libs.sandbox.controllers import objects
from libs.sandbox.controllers.actions import Decision
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event

Route: TypeAlias = Callable[[Event, View], Iterable[Key]]
"""The keys that a change concerns. The view has the change already."""


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """`routes` are by table, "" for all tables. `look` gathers what a key is about and decides."""

    name: str
    routes: Mapping[str, Route]
    look: Callable[[View, Key], Decision]


def itself(event: Event, view: View) -> Iterable[Key]:
    """The object that changed."""
    return (name_of(event.object),)


def name_of(obj: objects.Object) -> Key:
    """Namespace and name of an object, as a key."""
    return objects.namespace(obj), objects.name(obj)


def its_owner(owner: Resource) -> Route:
    """The controller of the object that changed if it is of that kind; for an object without one, all who select it."""

    def route(event: Event, view: View) -> Iterable[Key]:
        found: set[Key] = set()
        for obj in (event.object, event.old):
            if obj is None:
                continue
            reference = objects.controller(obj)
            namespace = objects.namespace(obj)
            if reference is None:
                marks = objects.labels(obj)
                rivals = view.within(owner, namespace)
                found.update(name_of(each) for each in rivals if objects.selects(each["spec"].get("selector"), marks))
            elif reference["kind"] == owner.kind and reference["apiVersion"].partition("/")[0] == owner.group:
                found.add((namespace, reference["name"]))
        return found

    return route


def everything(resource: Resource) -> Route:
    """All objects of a kind, whatever changed."""

    def route(event: Event, view: View) -> Iterable[Key]:
        return [name_of(each) for each in view.every(resource.table)]

    return route


def selecting(resource: Resource, selects: Callable[[objects.Object, Mapping[str, str]], bool]) -> Route:
    """The objects of a kind, in the namespace of what changed, whose selector takes its labels or took them."""

    def route(event: Event, view: View) -> Iterable[Key]:
        states = [objects.labels(each) for each in (event.object, event.old) if each is not None]
        there = view.within(resource, objects.namespace(event.object))
        return [name_of(each) for each in there if any(selects(each, marks) for marks in states)]

    return route
