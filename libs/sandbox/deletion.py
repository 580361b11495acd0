"""How objects go: what holds them, how long pods take, and what an object looks like while it is going.

Reference: k8s.io/apiserver pkg/registry/rest (BeforeDelete), pkg/registry/generic/registry (Delete).
"""

from datetime import datetime, timedelta
from typing import Final

from libs.sandbox import metadata, statuses
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object

_PROPAGATION: Final = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
_IMMORTAL: Final = frozenset({"default", "kube-system", "kube-public"})


def permitted(resource: Resource, name: str) -> None:
    """Refuses the deletion of what a cluster cannot be without."""
    if resource.table == "namespaces" and name in _IMMORTAL:
        raise statuses.forbidden(resource, name, "this namespace may not be deleted")


def begun(resource: Resource, old: Object, propagation: str, grace: int, now: datetime) -> Object:
    """The object with its deletion begun. `grace` is in seconds; `propagation` may be empty."""
    meta = old["metadata"]
    finalizers = meta.get("finalizers") or []
    if propagation:
        finalizers = [each for each in finalizers if each not in _PROPAGATION.values()]
    if propagation in _PROPAGATION:
        finalizers.append(_PROPAGATION[propagation])
    made = {key: value for key, value in meta.items() if key != "finalizers"}
    if finalizers:
        made["finalizers"] = finalizers
    fresh = not meta.get("deletionTimestamp")
    if fresh:
        made["deletionTimestamp"] = metadata.stamp(now + timedelta(seconds=grace))
        if made.get("generation"):
            made["generation"] += 1
    made["deletionGracePeriodSeconds"] = grace
    obj = {**old, "metadata": made}
    if fresh and resource.table == "namespaces":
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return obj


def finished(resource: Resource, obj: Object) -> bool:
    """Whether nothing keeps an object any more whose deletion has begun."""
    meta = obj["metadata"]
    if meta.get("deletionGracePeriodSeconds") or meta.get("finalizers"):
        return False
    return not (resource.table == "namespaces" and (obj.get("spec") or {}).get("finalizers"))


def grace(resource: Resource, obj: Object, asked: int | None) -> int:
    """Seconds that a pod gets; other kinds go at once."""
    if resource.table != "pods" or not obj["spec"].get("nodeName"):
        return 0
    if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    given = obj["spec"].get("terminationGracePeriodSeconds")
    seconds = int(asked if asked is not None else 30 if given is None else given)
    before = obj["metadata"].get("deletionGracePeriodSeconds")
    return seconds if before is None else min(seconds, before)
