"""The end of a CustomResourceDefinition: its objects go first.

Upstream: k8s.io/apiextensions-apiserver pkg/controller/finalizer.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from libs.sandbox import kinds
from libs.sandbox.controllers import objects
from libs.sandbox.controllers.actions import BATCH, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event

FINALIZER: Final = "customresourcecleanup.apiextensions.k8s.io"


def look(view: View, key: Key) -> Decision:
    """Gathers the objects of a definition that is to go, and decides."""
    definition = view.get(kinds.CUSTOM_RESOURCE_DEFINITIONS, *key)
    if definition is None or not objects.terminating(definition):
        return Decision()
    table = objects.name(definition)
    return decide(definition, view.resources.get(table), list(view.every(table)))


def decide(definition: Object, resource: Resource | None, instances: Sequence[Object]) -> Decision:
    """Deletes the objects of the definition; when there are none, lets the definition go."""
    if resource is not None and instances:
        alive = [each for each in instances if not objects.terminating(each)][:BATCH]
        return Decision(actions=tuple(Delete(resource=resource, target=each) for each in alive))
    finalizers = definition["metadata"].get("finalizers") or ()
    if FINALIZER not in finalizers:
        return Decision()
    left = [each for each in finalizers if each != FINALIZER]
    body = objects.with_metadata(definition, finalizers=left)
    return Decision(actions=(Replace(resource=kinds.CUSTOM_RESOURCE_DEFINITIONS, body=body),))


def _route(event: Event, view: View) -> Iterable[Key]:
    if event.resource.table == kinds.CUSTOM_RESOURCE_DEFINITIONS.table:
        return (("", objects.name(event.object)),) if objects.terminating(event.object) else ()
    ends = event.type == "DELETED" or objects.terminating(event.object)
    return (("", event.resource.table),) if event.resource.custom and ends else ()


CONTROLLER: Final = Controller(name="definitions", routes={"": _route}, look=look)
