"""ReplicaSets: as many pods as asked for (k8s.io/kubernetes pkg/controller/replicaset)."""

from collections.abc import Sequence
from datetime import datetime

from libs.sandbox import kinds
from libs.sandbox.controllers import conditions, controller, objects, ownership, pods
from libs.sandbox.controllers.actions import BATCH, Create, Decision, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View

_NAME = "replicasets"


def look(view: View, key: Key) -> Decision:
    """Gathers a ReplicaSet's pods and decides."""
    replica_set = view.get(kinds.REPLICA_SETS, *key)
    if replica_set is None:
        return Decision()
    mine = view.owned(replica_set, kinds.PODS)
    loose = (each for each in view.loose(kinds.PODS, key[0]) if pods.active(each))
    if claims := ownership.changes(kinds.PODS, replica_set, kinds.REPLICA_SETS, mine, loose):
        return Decision(actions=tuple(claims))
    return decide(replica_set, mine, view.now, refusal=view.refusals.get((_NAME, *key), ""))


def decide(replica_set: Object, owned: Sequence[Object], now: datetime, *, refusal: str = "") -> Decision:
    """Pods to make or to delete; when the number is right, the status. `refusal`: why no pod was made last time."""
    spec = replica_set["spec"]
    active = [each for each in owned if pods.active(each)]
    surplus = len(active) - int(spec.get("replicas", 1))
    if surplus > 0 and not objects.terminating(replica_set):
        victims = sorted(active, key=pods.deletion_rank)[: min(surplus, BATCH)]
        return Decision(actions=tuple(map(pods.deletion, victims)))
    ending = sum(objects.terminating(each) and not pods.finished(each) for each in owned)
    status, after = _status(replica_set, active, ending, now, refusal)
    report = (
        (Replace(resource=kinds.REPLICA_SETS, body=objects.with_status(replica_set, status), subresource="status"),)
        if status != objects.status(replica_set)
        else ()
    )
    if surplus >= 0 or objects.terminating(replica_set):
        return Decision(actions=report, after=after, final=True)
    owner = objects.owner_reference("apps/v1", "ReplicaSet", replica_set)
    body = pods.from_template(
        spec["template"], owner, objects.namespace(replica_set), generateName=f"{objects.name(replica_set)}-"
    )
    creations = (Create(resource=kinds.PODS, body=body),) * min(-surplus, BATCH)
    # The status waits for the pods, unless it has to tell why there are none.
    return Decision(actions=(*report, *creations) if refusal else creations, after=after)


def _status(
    replica_set: Object, active: Sequence[Object], ending: int, now: datetime, refusal: str
) -> tuple[dict[str, object], float | None]:
    spec, old = replica_set["spec"], objects.status(replica_set)
    marks = (spec["template"].get("metadata") or {}).get("labels") or {}
    available, after = pods.available(active, spec.get("minReadySeconds") or 0, now)
    standing = conditions.without(old.get("conditions") or (), "ReplicaFailure")
    if refusal and len(active) < int(spec.get("replicas", 1)):
        failure = conditions.make("ReplicaFailure", "True", "FailedCreate", refusal, now)
        standing = conditions.put(old.get("conditions") or (), failure)
    numbers = objects.counts(
        fullyLabeledReplicas=sum(objects.labels(pod).items() >= marks.items() for pod in active),
        readyReplicas=sum(map(pods.ready, active)),
        availableReplicas=available,
        observedGeneration=objects.generation(replica_set),
    )
    status = {"replicas": len(active), **numbers, "terminatingReplicas": ending}
    return {**status, **({"conditions": standing} if standing else {})}, after


CONTROLLER = Controller(
    name=_NAME,
    routes={
        kinds.REPLICA_SETS.table: controller.itself,
        kinds.PODS.table: controller.its_owner(kinds.REPLICA_SETS),
    },
    look=look,
)
