"""Pods on simulated nodes: scheduler and kubelet in one, which writes a pod's binding and state in one step."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import affinity, controller, kubelet, objects, pods, scheduling, simulation
from libs.sandbox.controllers.actions import Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.load import Load
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.store import Event

PODS: Final = "pods"
"""The controller's name."""
WHOLE: Final = "*"
"""Metadata, spec and status in one write."""


def look(view: View, key: Key) -> Decision:
    """Gathers a pod and the nodes, and decides."""
    pod = view.get(kinds.PODS, *key)
    if pod is None:
        return Decision()
    if node_name := pods.node(pod):
        node = view.get(kinds.NODES, "", node_name)
        return _gone(pod) if node is None else run(pod, node, view.now)
    others = view.every(kinds.PODS.table)
    return bind(pod, list(view.every(kinds.NODES.table)), view.load, view.now, others)


def bind(pod: Object, nodes: Sequence[Object], load: Load, now: datetime, others: Iterable[Object] = ()) -> Decision:
    """A pod without a node: bound and begun, or told why not. `others` are all pods."""
    if objects.terminating(pod) or pods.finished(pod):
        return Decision()
    if pod["spec"].get("schedulingGates"):
        return _waiting(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates", now)
    name, reason = scheduling.place(pod, nodes, load, others)
    if not name:
        return _waiting(pod, "Unschedulable", reason, now)
    node = next(each for each in nodes if objects.name(each) == name)
    bound = {**pod, "spec": {**pod["spec"], "nodeName": name}}
    status, after = kubelet.status(bound, node, now)
    written = Replace(resource=kinds.PODS, body={**bound, "status": status}, subresource=WHOLE)
    return Decision(actions=(written,), after=after, final=True)


def run(pod: Object, node: Object, now: datetime) -> Decision:
    """A pod on a node: its state, or its end."""
    if objects.terminating(pod):
        return _ending(pod, now)
    if pods.finished(pod):
        return Decision()
    expelled = scheduling.expelled(pod, node, now)
    if expelled == 0.0:
        return Decision(actions=(pods.deletion(pod),))
    status, after = kubelet.status(pod, node, now)
    return _report(pod, status, min(filter(None, (after, expelled)), default=None))


def _ending(pod: Object, now: datetime) -> Decision:
    """The containers stop at once, or as late as the pod asks within its grace period."""
    grace = pod["metadata"].get("deletionGracePeriodSeconds") or 0
    if not grace:
        return Decision()
    asked = min(simulation.seconds(pod, simulation.STOP_AFTER) or 0.0, float(grace))
    began = objects.moment(pod["metadata"]["deletionTimestamp"]).timestamp() - grace
    left = began + asked - now.timestamp() if asked else 0.0
    return Decision(after=left) if left > 0 else _gone(pod)


def _gone(pod: Object) -> Decision:
    return Decision(actions=(Delete(resource=kinds.PODS, target=pod, now=True),))


def _waiting(pod: Object, reason: str, message: str, now: datetime) -> Decision:
    others = [each for each in objects.status(pod).get("conditions") or () if each["type"] != "PodScheduled"]
    old = objects.condition(objects.status(pod).get("conditions") or (), "PodScheduled")
    stamp = old["lastTransitionTime"] if old and old["status"] == "False" else objects.stamp(now)
    new = {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": stamp}
    standing = [*others, {**new, "reason": reason, "message": message}]
    status = {**objects.status(pod), "phase": "Pending", "conditions": standing}
    return _report(pod, status, None)


def _report(pod: Object, status: dict[str, Any], after: float | None) -> Decision:
    if status == objects.status(pod):
        return Decision(after=after)
    body = objects.with_status(pod, status)
    written = Replace(resource=kinds.PODS, body=body, subresource="status")
    return Decision(actions=(written,), after=after, final=True)


def _pods(event: Event, view: View) -> Iterable[Key]:
    """A pod, and when it is bound also those that wait for a neighbour."""
    keys: list[Key] = [controller.name_of(event.object)]
    if view.load.waiting and pods.node(event.object) and event.old is not None and not pods.node(event.old):
        found = ((key, view.get(kinds.PODS, *key)) for key in view.load.waiting)
        keys += [key for key, pod in found if pod is not None and affinity.asks(pod)]
    return keys


def _nodes(event: Event, view: View) -> Iterable[Key]:
    """A node that changed may take those who wait; one that went, or has other taints, may lose its pods."""
    keys: list[Key] = list(view.load.waiting)
    old = event.old if event.type == "MODIFIED" else None
    if old is None or (old.get("spec") or {}).get("taints") != (event.object.get("spec") or {}).get("taints"):
        name = objects.name(event.object)
        keys += [controller.name_of(pod) for pod in view.every(kinds.PODS.table) if pods.node(pod) == name]
    return keys


CONTROLLER: Final = Controller(name=PODS, routes={kinds.PODS.table: _pods, kinds.NODES.table: _nodes}, look=look)
