"""HorizontalPodAutoscalers: there are no metrics, so they only keep their target between minimum and maximum.

Upstream: k8s.io/kubernetes pkg/controller/podautoscaler.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import conditions, controller, objects
from libs.sandbox.controllers.actions import Action, Decision, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event

_TARGETS: Final[Mapping[tuple[str, str], Resource]] = {
    ("apps/v1", "Deployment"): kinds.DEPLOYMENTS,
    ("apps/v1", "StatefulSet"): kinds.STATEFUL_SETS,
    ("apps/v1", "ReplicaSet"): kinds.REPLICA_SETS,
}


def look(view: View, key: Key) -> Decision:
    """Gathers the target of an autoscaler, and decides."""
    scaler = view.get(kinds.HORIZONTAL_POD_AUTOSCALERS, *key)
    if scaler is None or objects.terminating(scaler):
        return Decision()
    reference = scaler["spec"]["scaleTargetRef"]
    resource = _TARGETS.get((reference.get("apiVersion", ""), reference["kind"]))
    target = view.get(resource, key[0], reference["name"]) if resource else None
    return decide(scaler, resource, target, view.now)


def decide(scaler: Object, resource: Resource | None, target: Object | None, now: datetime) -> Decision:
    """The target's size within bounds, and the status."""
    if resource is None or target is None:
        message = "the HPA controller was unable to get the target's current scale"
        new = conditions.make("AbleToScale", "False", "FailedGetScale", message, now)
        status = {"desiredReplicas": 0, **objects.status(scaler)}
        return _report(scaler, status, (new,), [])
    spec = scaler["spec"]
    size = int(target["spec"].get("replicas", 1))
    wanted = min(max(size, int(spec.get("minReplicas", 1))), int(spec["maxReplicas"])) if size else 0
    actions: list[Action] = []
    status = {
        **objects.status(scaler),
        "observedGeneration": objects.generation(scaler),
        "currentReplicas": int(objects.status(target).get("replicas") or 0),
        "desiredReplicas": wanted,
    }
    if wanted != size:
        actions.append(Replace(resource=resource, body={**target, "spec": {**target["spec"], "replicas": wanted}}))
        status["lastScaleTime"] = objects.stamp(now)
    if not size:
        message = "scaling is disabled since the replica count of the target is zero"
        active = conditions.make("ScalingActive", "False", "ScalingDisabled", message, now)
    else:
        message = "the HPA was unable to compute the replica count: the simulated nodes report no metrics"
        active = conditions.make("ScalingActive", "False", "FailedGetResourceMetric", message, now)
    able = conditions.make(
        "AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale", now
    )
    return _report(scaler, status, (able, active), actions)


def _report(
    scaler: Object, status: dict[str, Any], found: Iterable[Mapping[str, Any]], actions: list[Action]
) -> Decision:
    standing = list(objects.status(scaler).get("conditions") or ())
    for each in found:
        standing = conditions.put(standing, each)
    status = {**status, "conditions": standing}
    if status != objects.status(scaler):
        body = objects.with_status(scaler, status)
        actions.append(Replace(resource=kinds.HORIZONTAL_POD_AUTOSCALERS, body=body, subresource="status"))
    return Decision(actions=tuple(actions))


def _aiming(event: Event, view: View) -> Iterable[Key]:
    """The autoscalers whose target changed."""
    scalers = view.within(kinds.HORIZONTAL_POD_AUTOSCALERS, objects.namespace(event.object))
    name, kind = objects.name(event.object), event.resource.kind
    for each in scalers:
        reference = each["spec"]["scaleTargetRef"]
        if reference["name"] == name and reference["kind"] == kind:
            yield controller.name_of(each)


CONTROLLER: Final = Controller(
    name="autoscalers",
    routes={
        kinds.HORIZONTAL_POD_AUTOSCALERS.table: controller.itself,
        **{each.table: _aiming for each in _TARGETS.values()},
    },
    look=look,
)
