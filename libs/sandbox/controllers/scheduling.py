"""Which node a pod goes to: filters with their reasons, then the least crowded one.

Upstream: k8s.io/kubernetes pkg/scheduler.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libs.common.api import quantities
from libs.sandbox.controllers import affinity, load, objects
from libs.sandbox.controllers.load import Load
from libs.sandbox.controllers.objects import Object

_NOT_READY: Final = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
_UNSCHEDULABLE: Final = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def place(pod: Object, nodes: Sequence[Object], usage: Load, others: Iterable[Object] = ()) -> tuple[str, str]:
    """The name of the best node and no reason, or no name and the reason in kube-scheduler's words.

    `others` are all pods; they are looked at only if the pod has rules about its neighbours.
    """
    asked = load.requests(pod)
    best: tuple[tuple[int, int, str], str] | None = None
    reasons: Counter[str] = Counter()
    neighbours = affinity.Neighbours(pod, nodes, others) if affinity.asks(pod) else None
    for node in nodes:
        used = usage.used(objects.name(node))
        if refused := (*suits(pod, node), *_fits(asked, node, used)):
            reasons.update(refused)
            continue
        if neighbours and (refused := tuple(neighbours.refused(node))):
            reasons.update(refused)
            continue
        name = objects.name(node)
        rank = (-_preference(pod, node), used.get(load.PODS, 0), name)
        if best is None or rank < best[0]:
            best = (rank, name)
    if best:
        return best[1], ""
    if not nodes:
        return "", "no nodes available to schedule pods"
    words = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return "", f"0/{len(nodes)} nodes are available: {words}."


def suits(pod: Object, node: Object) -> Sequence[str]:
    """Why a pod cannot go to a node whatever room there is: none, or the first of the reasons."""
    spec = node.get("spec") or {}
    tolerations = pod["spec"].get("tolerations") or ()
    if spec.get("unschedulable") and not tolerated(_UNSCHEDULABLE, tolerations):
        return ("node(s) were unschedulable",)
    if not matches(pod["spec"], node):
        return ("node(s) didn't match Pod's node affinity/selector",)
    for taint in (*(spec.get("taints") or ()), *_ailing(node)):
        if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerated(taint, tolerations):
            return (f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}",)
    return ()


def _ailing(node: Object) -> Sequence[Mapping[str, Any]]:
    """The taint that the node life cycle puts on a node which does not say that it is ready."""
    ready = objects.condition(objects.status(node).get("conditions") or (), "Ready")
    return (_NOT_READY,) if ready is not None and ready["status"] != "True" else ()


def _fits(asked: Mapping[str, int], node: Object, used: Mapping[str, int]) -> Iterable[str]:
    room = objects.status(node).get("allocatable") or {}
    for key, amount in asked.items():
        if amount and used.get(key, 0) + amount > quantities.nanos(room.get(key, 0)):
            yield "Too many pods" if key == load.PODS else f"Insufficient {key}"


def keeps(pod: Object, node: Object) -> bool:
    """Whether a pod that is on a node may stay there, by its selector and by the taints that expel."""
    tolerations = pod["spec"].get("tolerations") or ()
    taints = (node.get("spec") or {}).get("taints") or ()
    return matches(pod["spec"], node) and all(
        tolerated(taint, tolerations) for taint in taints if taint["effect"] == "NoExecute"
    )


def expelled(pod: Object, node: Object, now: datetime) -> float | None:
    """Seconds that a pod may stay on a node whose taints expel it; None if none does.

    A toleration for some time counts from the taint's `timeAdded`; without that it is one for ever.
    """
    left: list[float] = []
    for taint in (node.get("spec") or {}).get("taints") or ():
        if taint["effect"] != "NoExecute":
            continue
        bearing = [each for each in pod["spec"].get("tolerations") or () if _tolerates(each, taint)]
        if not bearing:
            return 0.0
        since = objects.since(taint.get("timeAdded") or objects.stamp(now), now).total_seconds()
        limits = [each["tolerationSeconds"] for each in bearing if each.get("tolerationSeconds") is not None]
        left += [max(0.0, float(each) - since) for each in limits if taint.get("timeAdded")]
    return min(left, default=None)


def tolerated(taint: Mapping[str, Any], tolerations: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the tolerations tolerates the taint."""
    return any(_tolerates(each, taint) for each in tolerations)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def matches(spec: Mapping[str, Any], node: Object) -> bool:
    """Whether a node has what a pod's nodeSelector and required node affinity ask for."""
    marks = objects.labels(node)
    if any(marks.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    rules = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = rules.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_meets(term, node) for term in required["nodeSelectorTerms"])


def _meets(term: Mapping[str, Any], node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    name = {"metadata.name": objects.name(node)}
    return objects.selects({"matchExpressions": expressions}, objects.labels(node)) and objects.selects(
        {"matchExpressions": fields}, name
    )


def _preference(pod: Object, node: Object) -> int:
    rules = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(int(each["weight"]) for each in preferred if _meets(each["preference"], node))
