"""The admission rules that every server has: namespaces and their life cycle."""

from libs.sandbox import kinds, statuses
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object, Table

_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


def creatable(resource: Resource, name: str, namespace: str, namespaces: Table) -> None:
    """Refuses a creation in a namespace that is not there, or that is about to go."""
    if not resource.namespaced:
        return
    found = namespaces.get(("", namespace))
    if found is None:
        raise statuses.not_found(kinds.NAMESPACES, namespace)
    if found.object["metadata"].get("deletionTimestamp"):
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise statuses.forbidden(resource, name, why, [cause])


def deletable(resource: Resource, name: str) -> None:
    """Refuses the deletion of what a cluster cannot be without."""
    if resource.table == "namespaces" and name in _IMMORTAL:
        raise statuses.forbidden(resource, name, "this namespace may not be deleted")


def terminating(resource: Resource, obj: Object) -> Object:
    """The object at the begin of its deletion, as its kind marks it besides `deletionTimestamp`."""
    if resource.table == "namespaces":
        return {**obj, "status": {**(obj.get("status") or {}), "phase": "Terminating"}}
    return obj


def held(resource: Resource, obj: Object) -> bool:
    """Whether something still keeps an object whose deletion has begun."""
    if obj["metadata"].get("finalizers"):
        return True
    return resource.table == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))
