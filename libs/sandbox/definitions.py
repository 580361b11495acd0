"""Keeps what is served in step with the stored CustomResourceDefinitions."""

from collections.abc import Callable

from libs.sandbox import customs
from libs.sandbox.kinds import Resource
from libs.sandbox.registry import Registry
from libs.sandbox.store import Event, Object, Table


def follow(event: Event, registry: Registry, table: Callable[[Resource], Table]) -> None:
    """Serves what a definition says after a change, and ends the watches of what is served no more."""
    name = event.object["metadata"]["name"]
    before = registry.defined(name)
    if event.type == "DELETED":
        registry.withdraw(name)
    elif not (before and event.old and event.old["spec"] == event.object["spec"]):
        serve(event.object, registry, table)
    for custom in before:
        if registry.custom(custom.resource) is None:
            for watcher in tuple(table(custom.resource).watchers):
                watcher.withdrawn(custom.resource)


def serve(definition: Object, registry: Registry, table: Callable[[Resource], Table]) -> None:
    """Serves what a definition says."""
    made = customs.served(definition)
    registry.serve(definition["metadata"]["name"], made)
    for custom in made:
        if custom.resource.version == custom.resource.stored:
            table(custom.resource).resource = custom.resource
