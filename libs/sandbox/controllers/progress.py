"""A Deployment's status and conditions (k8s.io/kubernetes pkg/controller/deployment/progress.go and sync.go)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libs.sandbox.controllers import conditions, objects, rollout
from libs.sandbox.controllers.objects import Object

_NO_DEADLINE: Final = 2**31 - 1
_DONE: Final = "NewReplicaSetAvailable"
_TIMED_OUT: Final = "ProgressDeadlineExceeded"


def status(
    deployment: Object, sets: Sequence[Object], new: Object | None, plan: rollout.Strategy, now: datetime
) -> dict[str, Any]:
    """The status by the numbers of the ReplicaSets, with Available and ReplicaFailure; Progressing as it stood."""
    old = objects.status(deployment)
    available = _total(sets, "availableReplicas")
    asked = sum(int(each["spec"].get("replicas", 1)) for each in sets)
    if available >= plan.desired - plan.unavailable:
        facts = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        facts = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    standing = conditions.put(old.get("conditions") or (), conditions.make("Available", *facts, now, updated=True))
    standing = conditions.without(standing, "ReplicaFailure")
    if failure := _failure(sets, new):
        standing.append({**failure, "lastUpdateTime": failure["lastTransitionTime"]})
    kept = {"collisionCount": old["collisionCount"]} if old.get("collisionCount") is not None else {}
    ending = [objects.status(each).get("terminatingReplicas") for each in sets if objects.status(each)]
    if None not in ending:
        kept["terminatingReplicas"] = sum(ending)
    return {
        "observedGeneration": objects.generation(deployment),
        **objects.counts(
            replicas=_total(sets, "replicas"),
            updatedReplicas=_total([new] if new else (), "replicas"),
            readyReplicas=_total(sets, "readyReplicas"),
            availableReplicas=available,
            unavailableReplicas=max(0, asked - available),
        ),
        **kept,
        "conditions": standing,
    }


def _total(sets: Sequence[Object], key: str) -> int:
    return sum(int(objects.status(each).get(key) or 0) for each in sets)


def _failure(sets: Sequence[Object], new: Object | None) -> Mapping[str, Any] | None:
    for each in (*([new] if new else ()), *sets):
        if found := objects.condition(objects.status(each).get("conditions") or (), "ReplicaFailure"):
            return found
    return None


def progressing(
    deployment: Object, new: Object, status_now: dict[str, Any], plan: rollout.Strategy, now: datetime
) -> tuple[dict[str, Any], float | None]:
    """The status with Progressing as this look finds it, and the seconds until the deadline passes."""
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    standing = status_now["conditions"]
    if deadline == _NO_DEADLINE:
        return {**status_now, "conditions": conditions.without(standing, "Progressing")}, None
    current = objects.condition(standing, "Progressing")
    whole = status_now.get("replicas", 0) == status_now.get("updatedReplicas", 0)
    if whole and current and current["reason"] == _DONE:
        return status_now, None
    label = f'ReplicaSet "{objects.name(new)}"'
    if complete(plan, status_now):
        found = _condition("True", _DONE, f"{label} has successfully progressed.", now)
    elif _moved(objects.status(deployment), status_now):
        found = _condition("True", "ReplicaSetUpdated", f"{label} is progressing.", now)
        if current and current["status"] == "True":
            found["lastTransitionTime"] = current["lastTransitionTime"]
        standing = conditions.without(standing, "Progressing")
    elif current is None:
        found = _condition("True", "FoundNewReplicaSet", f'Found new replica set "{objects.name(new)}"', now)
    elif (left := _time_left(current, deadline, now)) > 0:
        return status_now, left
    else:
        found = _condition("False", _TIMED_OUT, f"{label} has timed out progressing.", now)
    after = None if found["reason"] in (_DONE, _TIMED_OUT) else float(deadline)
    return {**status_now, "conditions": conditions.put(standing, found)}, after


def created(status_now: dict[str, Any], name: str, now: datetime) -> dict[str, Any]:
    """The status at the moment a rollout begins."""
    found = _condition("True", "NewReplicaSetCreated", f'Created new replica set "{name}"', now)
    return {**status_now, "conditions": conditions.put(status_now["conditions"], found)}


def refused(status_now: dict[str, Any], name: str, refusal: str, now: datetime) -> dict[str, Any]:
    """The status of a rollout that cannot begin, as its ReplicaSet is refused."""
    message = f'Failed to create new replica set "{name}": {refusal}'
    found = _condition("False", "ReplicaSetCreateError", message, now)
    return {**status_now, "conditions": conditions.put(status_now["conditions"], found)}


def paused(deployment: Object, status_now: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The status with Progressing telling of a pause, or of its end."""
    current = objects.condition(status_now["conditions"], "Progressing")
    if current and current["reason"] == _TIMED_OUT:
        return status_now
    if deployment["spec"].get("paused"):
        found = _condition("Unknown", "DeploymentPaused", "Deployment is paused", now)
    elif current and current["reason"] == "DeploymentPaused":
        found = _condition("Unknown", "DeploymentResumed", "Deployment is resumed", now)
    else:
        return status_now
    return {**status_now, "conditions": conditions.put(status_now["conditions"], found)}


def complete(plan: rollout.Strategy, status_now: Mapping[str, Any]) -> bool:
    """Whether all pods are of the present template and available."""
    keys = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status_now.get(key, 0) == plan.desired for key in keys)


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    def outdated(status: Mapping[str, Any]) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grew = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return outdated(after) < outdated(before) or any(after.get(key, 0) > before.get(key, 0) for key in grew)


def _time_left(current: Mapping[str, Any], deadline: int, now: datetime) -> float:
    if current["reason"] == _TIMED_OUT:
        return 0.0
    return deadline - objects.since(current["lastUpdateTime"], now).total_seconds()


def _condition(status_value: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    return conditions.make("Progressing", status_value, reason, message, now, updated=True)
