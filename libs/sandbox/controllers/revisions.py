"""Revisions of a Deployment's template: which ReplicaSet carries it, and how history is numbered and cut short.

Upstream: k8s.io/kubernetes pkg/controller/deployment/util/deployment_util.go.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.sandbox.controllers import objects, rollout
from libs.sandbox.controllers.objects import Object

REVISION: Final = "deployment.kubernetes.io/revision"
HISTORY: Final = "deployment.kubernetes.io/revision-history"
HASH: Final = "pod-template-hash"
_NOT_COPIED: Final = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        HISTORY,
        rollout.DESIRED,
        rollout.MAXIMUM,
    )
)


def number(obj: Object) -> int:
    """The revision written on a Deployment or ReplicaSet; 0 if none is."""
    written = objects.annotations(obj).get(REVISION, "")
    return int(written) if written.isdigit() else 0


def newest(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """The oldest ReplicaSet that carries the Deployment's present template."""
    template = deployment["spec"]["template"]
    carriers = [each for each in replica_sets if _bare(each["spec"]["template"]) == _bare(template)]
    return min(carriers, key=lambda each: (each["metadata"]["creationTimestamp"], objects.name(each)), default=None)


def _bare(template: Mapping[str, Any]) -> tuple[Any, Any]:
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return metadata, template["spec"]


def replica_set(deployment: Object, revision: int, plan: rollout.Strategy, size: int) -> dict[str, Any]:
    """The ReplicaSet for the Deployment's present template."""
    spec = deployment["spec"]
    collisions = objects.status(deployment).get("collisionCount") or 0
    mark = objects.digest([_bare(spec["template"]), collisions])
    marks = spec["template"].get("metadata") or {}
    labels = {**(marks.get("labels") or {}), HASH: mark}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH: mark}}
    body: dict[str, Any] = {
        "replicas": size,
        "selector": selector,
        "template": {**spec["template"], "metadata": {**marks, "labels": labels}},
    }
    if spec.get("minReadySeconds"):
        body["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "namespace": objects.namespace(deployment),
            "name": f"{objects.name(deployment)}-{mark}",
            "labels": labels,
            "annotations": {**_copied(deployment), REVISION: str(revision), **sizes(plan)},
            "ownerReferences": [objects.owner_reference("apps/v1", "Deployment", deployment)],
        },
        "spec": body,
    }


def sizes(plan: rollout.Strategy) -> dict[str, str]:
    """What a ReplicaSet remembers of the Deployment's size at the time it was sized."""
    return {rollout.DESIRED: str(plan.desired), rollout.MAXIMUM: str(plan.maximum)}


def renewed(deployment: Object, new: Object, revision: int) -> dict[str, Any] | None:
    """The new ReplicaSet with the Deployment's annotations, its revision and readiness time; None if it has them."""
    before = objects.annotations(new)
    after = {key: value for key, value in before.items() if key in _NOT_COPIED} | _copied(deployment)
    if number(new) < revision:
        after[REVISION] = str(revision)
        if REVISION in before:
            after[HISTORY] = ",".join(filter(None, (before.get(HISTORY, ""), before[REVISION])))
    spec = dict(new["spec"])
    if (wanted := deployment["spec"].get("minReadySeconds") or 0) != (spec.get("minReadySeconds") or 0):
        spec["minReadySeconds"] = wanted
    if after == before and spec == new["spec"]:
        return None
    return {**objects.with_metadata(new, annotations=after), "spec": spec}


def _copied(deployment: Object) -> dict[str, str]:
    return {key: value for key, value in objects.annotations(deployment).items() if key not in _NOT_COPIED}


def surplus(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """The old ReplicaSets that history does not keep, the oldest revision first. Only empty ones ever go."""
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    alive = [each for each in old if not objects.terminating(each)]
    oldest = sorted(alive, key=number)[: max(0, len(alive) - limit)]
    return [each for each in oldest if _empty(each)]


def _empty(each: Object) -> bool:
    status = objects.status(each)
    return (
        not each["spec"].get("replicas", 1)
        and not status.get("replicas")
        and status.get("observedGeneration", 0) >= objects.generation(each)
    )
