"""Facts about pods that several controllers judge by (k8s.io/kubernetes pkg/controller/controller_utils.go)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from libs.sandbox import kinds
from libs.sandbox.controllers import objects, simulation
from libs.sandbox.controllers.actions import Delete
from libs.sandbox.controllers.objects import Object


def phase(pod: Object) -> str:
    """The pod's phase; Pending when nothing is written yet."""
    return str(objects.status(pod).get("phase") or "Pending")


def node(pod: Object) -> str:
    """The node that the pod is bound to, or an empty name."""
    return str(pod["spec"].get("nodeName") or "")


def finished(pod: Object) -> bool:
    """Whether all containers have ended for good."""
    return phase(pod) in ("Succeeded", "Failed")


def active(pod: Object) -> bool:
    """Whether the pod counts as a replica: neither finished nor being deleted."""
    return not finished(pod) and not objects.terminating(pod)


def ready(pod: Object) -> bool:
    """Whether the pod takes traffic."""
    return objects.is_true(pod, "Ready")


def wait_for_available(pod: Object, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until a pod has been ready for long enough; zero when it is available, None when it is not ready."""
    found = objects.condition(objects.status(pod).get("conditions") or (), "Ready")
    if found is None or found["status"] != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    return max(0.0, min_ready_seconds - objects.since(found["lastTransitionTime"], now).total_seconds())


def available(pods: Iterable[Object], min_ready_seconds: int, now: datetime) -> tuple[int, float | None]:
    """How many of the pods are available, and the seconds until the next of those that are ready becomes so."""
    waits = [wait_for_available(pod, min_ready_seconds, now) for pod in pods]
    later = [wait for wait in waits if wait]
    return sum(wait == 0.0 for wait in waits), min(later, default=None)


def from_template(
    template: Mapping[str, Any], owner: Mapping[str, Any], namespace: str, **metadata: Any
) -> dict[str, Any]:
    """A pod to be created: the template with an owner, and a name or the beginning of one in `metadata`."""
    marks = template.get("metadata") or {}
    made: dict[str, Any] = {"namespace": namespace, "ownerReferences": [owner]}
    for key in ("labels", "annotations", "finalizers"):
        if marks.get(key):
            made[key] = marks[key]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made | metadata, "spec": template["spec"]}


def ends_at_once(obj: Object) -> bool:
    """Whether what is deleted need not be given time: nothing needs it but a pod that simulates a slow end."""
    return simulation.STOP_AFTER not in objects.annotations(obj)


def deletion(pod: Object) -> Delete:
    """The end of a pod that its controller no longer wants: at once, unless the pod simulates a slow end."""
    return Delete(resource=kinds.PODS, target=pod, now=ends_at_once(pod))


def deletion_rank(pod: Object) -> tuple[Any, ...]:
    """A key that sorts pods so that those whose loss hurts least come first.

    Upstream's order: not bound, pending, not ready, low deletion cost, ready for a short time, young.
    """
    found = objects.condition(objects.status(pod).get("conditions") or (), "Ready")
    is_ready = found is not None and found["status"] == "True"
    cost = objects.annotations(pod).get("controller.kubernetes.io/pod-deletion-cost", "0")
    return (
        bool(node(pod)),
        {"Pending": 0, "Unknown": 1}.get(phase(pod), 2),
        is_ready,
        int(cost) if cost.lstrip("-").isdigit() else 0,
        _latest_first(found["lastTransitionTime"] if is_ready and found else ""),
        _latest_first(pod["metadata"]["creationTimestamp"]),
        objects.name(pod),
    )


def _latest_first(written: str) -> float:
    return -objects.moment(written).timestamp() if written else 0.0
