"""PodDisruptionBudgets: how many pods may be taken away now (k8s.io/kubernetes pkg/controller/disruption)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from libs.sandbox import kinds
from libs.sandbox.controllers import conditions, controller, objects, pods
from libs.sandbox.controllers.actions import Decision, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource

_SCALED: Final[Mapping[str, Resource]] = {
    "ReplicaSet": kinds.REPLICA_SETS,
    "StatefulSet": kinds.STATEFUL_SETS,
    "Deployment": kinds.DEPLOYMENTS,
}


def look(view: View, key: Key) -> Decision:
    """Gathers the pods that a budget guards and the sizes of their workloads, and decides."""
    budget = view.get(kinds.POD_DISRUPTION_BUDGETS, *key)
    if budget is None:
        return Decision()
    guarded = [each for each in view.within(kinds.PODS, key[0]) if selects(budget, objects.labels(each))]
    sizes = {objects.uid(each): _size(each) for pod in guarded if (each := _workload(view, pod)) is not None}
    return decide(budget, guarded, sum(sizes.values()) or len(guarded), view.now)


def selects(budget: Object, marks: Mapping[str, str]) -> bool:
    """Whether a budget guards pods with these labels."""
    return objects.selects(budget["spec"].get("selector"), marks)


def _workload(view: View, pod: Object) -> Object | None:
    """The topmost workload above a pod that has a size."""
    found: Object | None = None
    owner = objects.controller(pod)
    while owner is not None and owner["kind"] in _SCALED:
        above = view.get(_SCALED[owner["kind"]], objects.namespace(pod), owner["name"])
        if above is None:
            break
        found, owner = above, objects.controller(above)
    return found


def _size(workload: Object) -> int:
    return int(workload["spec"].get("replicas", 1))


def decide(budget: Object, guarded: Sequence[Object], expected: int, now: datetime) -> Decision:
    """The status of a budget. `expected`: pods that the guarded workloads ask for."""
    spec, old = budget["spec"], objects.status(budget)
    healthy = sum(pods.ready(pod) and not objects.terminating(pod) for pod in guarded)
    if spec.get("maxUnavailable") is not None:
        least = max(0, expected - objects.portion(spec["maxUnavailable"], expected, up=True, default=0))
    else:
        least = objects.portion(spec.get("minAvailable"), expected, up=True, default=1)
    allowed = max(0, healthy - least) if expected else 0
    facts = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    new = conditions.make("DisruptionAllowed", *facts, "", now)
    status = {
        "observedGeneration": objects.generation(budget),
        "conditions": conditions.put(old.get("conditions") or (), new),
        "currentHealthy": healthy,
        "desiredHealthy": least,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
    }
    if status == old:
        return Decision()
    body = objects.with_status(budget, status)
    return Decision(actions=(Replace(resource=kinds.POD_DISRUPTION_BUDGETS, body=body, subresource="status"),))


CONTROLLER: Final = Controller(
    name="disruption",
    routes={
        kinds.POD_DISRUPTION_BUDGETS.table: controller.itself,
        kinds.PODS.table: controller.selecting(kinds.POD_DISRUPTION_BUDGETS, selects),
    },
    look=look,
)
