"""Owners and what they own: what has no owner left is deleted, in the way that the owner's deletion asked for.

Background: dependents go after the owner. Foreground: the owner waits for those that block it. Orphan: dependents are
let go. Upstream: k8s.io/kubernetes pkg/controller/garbagecollector.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from libs.sandbox.controllers import objects, pods
from libs.sandbox.controllers.actions import Action, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"


def look(view: View, key: Key) -> Decision:
    """Gathers an object's owners and dependents, and decides."""
    table, namespace, name = key
    obj = view.named(table, namespace, name)
    if obj is None:
        return Decision()
    resource = view.resources[table]
    dependents = [(view.resources[table], each) for (table, _, _), each in view.dependents(objects.uid(obj)).items()]
    if objects.terminating(obj):
        finalizers = obj["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            return orphan(resource, obj, dependents)
        if FOREGROUND in finalizers:
            return foreground(resource, obj, dependents)
        return Decision()
    owners = [(each, _owner(view, each, namespace)) for each in objects.owners(obj) if _known(view, each)]
    return collect(resource, obj, owners, bool(dependents))


def _known(view: View, reference: Mapping[str, Any]) -> bool:
    """Whether the server knows the owner's kind: of others nobody can say that they are gone."""
    group, _, _ = reference["apiVersion"].rpartition("/")
    return view.serves(group, reference["kind"])


def _owner(view: View, reference: Mapping[str, Any], namespace: str) -> Object | None:
    """The living owner: of that uid and name, cluster-scoped or in the dependent's namespace."""
    found = view.by_uid(reference["uid"])
    if found is None or objects.name(found) != reference["name"]:
        return None
    return found if objects.namespace(found) in ("", namespace) else None


def collect(
    resource: Resource, obj: Object, owners: Sequence[tuple[Mapping[str, Any], Object | None]], has_dependents: bool
) -> Decision:
    """An object by its owners: kept while one is solid, and then without references to those that are gone."""
    absent = [reference["uid"] for reference, owner in owners if owner is None]
    waiting = [reference["uid"] for reference, owner in owners if owner is not None and _waits(owner, reference)]
    lost = {*absent, *waiting}
    if not lost:
        return Decision()
    left = [each for each in objects.owners(obj) if each["uid"] not in lost]
    if left:
        body = objects.with_metadata(obj, ownerReferences=left)
        return Decision(actions=(Replace(resource=resource, body=body),))
    propagation = "Foreground" if waiting and has_dependents else "Background"
    return Decision(
        actions=(Delete(resource=resource, target=obj, now=pods.ends_at_once(obj), propagation=propagation),)
    )


def _waits(owner: Object, reference: Mapping[str, Any]) -> bool:
    return objects.terminating(owner) and FOREGROUND in (owner["metadata"].get("finalizers") or ())


def foreground(resource: Resource, obj: Object, dependents: Sequence[tuple[Resource, Object]]) -> Decision:
    """An owner that goes last: it is let go when nothing that blocks it is left. Its dependents are looked at, too."""
    uid = objects.uid(obj)
    blocked = any(
        each["uid"] == uid and each.get("blockOwnerDeletion")
        for _, dependent in dependents
        for each in objects.owners(dependent)
    )
    return Decision() if blocked else Decision(actions=(_released(resource, obj, FOREGROUND),))


def orphan(resource: Resource, obj: Object, dependents: Sequence[tuple[Resource, Object]]) -> Decision:
    """An owner that leaves its dependents: they lose their reference, then it goes."""
    uid = objects.uid(obj)
    actions: list[Action] = []
    for kind, each in dependents:
        left = [reference for reference in objects.owners(each) if reference["uid"] != uid]
        actions.append(Replace(resource=kind, body=objects.with_metadata(each, ownerReferences=left)))
    return Decision(actions=(*actions, _released(resource, obj, ORPHAN)))


def _released(resource: Resource, obj: Object, finalizer: str) -> Replace:
    left = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
    return Replace(resource=resource, body=objects.with_metadata(obj, finalizers=left))


def _route(event: Event, view: View) -> Iterable[Key]:
    obj, old = event.object, event.old
    uid = objects.uid(obj)
    keys: set[Key] = set()
    if event.type == "DELETED" or objects.terminating(obj):
        keys.update(view.dependents(uid))
        keys.update(_owners_of(view, obj))
    if event.type != "DELETED":
        owned = objects.owners(obj)
        if owned and (old is None or objects.owners(old) != owned):
            keys.add((event.resource.table, *_name(obj)))
        if objects.terminating(obj) and obj["metadata"].get("finalizers"):
            keys.add((event.resource.table, *_name(obj)))
    if old is not None and objects.owners(old) != objects.owners(obj):
        keys.update(_owners_of(view, old))
    return keys


def _name(obj: Object) -> tuple[str, str]:
    return objects.namespace(obj), objects.name(obj)


def _owners_of(view: View, obj: Object) -> Iterable[Key]:
    """The owners that wait for the object's end."""
    for reference in objects.owners(obj):
        found = view.reference(reference["uid"])
        if found:
            yield found


CONTROLLER: Final = Controller(name="garbage", routes={"": _route}, look=look)
