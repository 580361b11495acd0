"""DaemonSets: a pod on every node that takes it (k8s.io/kubernetes pkg/controller/daemon)."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import controller, history, objects, ownership, pods, scheduling
from libs.sandbox.controllers.actions import Action, Create, Decision, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View

_TOLERATED: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


def look(view: View, key: Key) -> Decision:
    """Gathers the nodes and a DaemonSet's pods and revisions, and decides."""
    daemon_set = view.get(kinds.DAEMON_SETS, *key)
    if daemon_set is None:
        return Decision()
    mine = view.owned(daemon_set, kinds.PODS)
    loose = view.loose(kinds.PODS, key[0])
    if claims := ownership.changes(kinds.PODS, daemon_set, kinds.DAEMON_SETS, mine, loose):
        return Decision(actions=tuple(claims))
    nodes = list(view.every(kinds.NODES.table))
    return decide(daemon_set, mine, view.owned(daemon_set, kinds.CONTROLLER_REVISIONS), nodes, view.now)


def decide(
    daemon_set: Object, owned: Sequence[Object], revisions: Sequence[Object], nodes: Sequence[Object], now: datetime
) -> Decision:
    """The next step of a DaemonSet: pods to make or delete, or else its status."""
    latest = history.latest(daemon_set, kinds.DAEMON_SETS, revisions)
    if latest.action is not None:
        return Decision(actions=(latest.action,))
    like = _pod(daemon_set, "", "")
    wanted = [objects.name(node) for node in nodes if not scheduling.suits(like, node)]
    kept = {objects.name(node) for node in nodes if scheduling.keeps(like, node)}
    there: dict[str, list[Object]] = {}
    for pod in owned:
        there.setdefault(_target(pod), []).append(pod)
    if not objects.terminating(daemon_set):
        steps = _steps(daemon_set, there, wanted, kept, latest.hash)
        steps = steps or _update(daemon_set, there, wanted, latest.hash, now)
        if steps:
            return Decision(actions=tuple(steps))
    status, after = _status(daemon_set, there, wanted, latest.hash, now)
    used = {latest.hash, *(objects.labels(pod).get(history.POD_HASH, "") for pod in owned)}
    actions = history.surplus(daemon_set, revisions, used)
    if status != objects.status(daemon_set):
        body = objects.with_status(daemon_set, status)
        actions.append(Replace(resource=kinds.DAEMON_SETS, body=body, subresource="status"))
    return Decision(actions=tuple(actions), after=after)


def _steps(
    daemon_set: Object, there: Mapping[str, Sequence[Object]], wanted: Sequence[str], kept: Set[str], mark: str
) -> list[Action]:
    """Pods for the nodes that want one, and the end of those on nodes that do not even keep one."""
    actions: list[Action] = []
    for node in wanted:
        actions += [
            pods.deletion(pod) for pod in there.get(node, ()) if pods.finished(pod) and not objects.terminating(pod)
        ]
        if not there.get(node):
            actions.append(Create(resource=kinds.PODS, body=_pod(daemon_set, node, mark)))
    for node, standing in there.items():
        if node not in kept:
            actions += [pods.deletion(pod) for pod in standing if not objects.terminating(pod)]
    return actions


def _update(
    daemon_set: Object, there: Mapping[str, Sequence[Object]], wanted: Sequence[str], mark: str, now: datetime
) -> list[Action]:
    """Old pods to be replaced: unavailable ones, and as many others as may be unavailable at a time."""
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return []
    bound = (strategy.get("rollingUpdate") or {}).get("maxUnavailable")
    allowed = max(1, objects.portion(bound, len(wanted), up=True, default=1))
    actions: list[Action] = []
    healthy: list[Object] = []
    for node in wanted:
        available = [pod for pod in there.get(node, ()) if _available(daemon_set, pod, now)]
        old = [pod for pod in there.get(node, ()) if _outdated(pod, mark)]
        if not available:
            allowed -= 1
            actions += [pods.deletion(pod) for pod in old]
        else:
            healthy += [pod for pod in old if pod in available]
    return [*actions, *(pods.deletion(pod) for pod in healthy[: max(0, allowed)])]


def _outdated(pod: Object, mark: str) -> bool:
    return objects.labels(pod).get(history.POD_HASH) != mark and not objects.terminating(pod)


def _available(daemon_set: Object, pod: Object, now: datetime) -> bool:
    seconds = int(daemon_set["spec"].get("minReadySeconds") or 0)
    return not objects.terminating(pod) and pods.wait_for_available(pod, seconds, now) == 0.0


def _pod(daemon_set: Object, node: str, mark: str) -> dict[str, Any]:
    """The pod for a node: it may go nowhere else, and bears what nodes suffer from."""
    template = daemon_set["spec"]["template"]
    spec = template["spec"]
    tolerations: list[Mapping[str, Any]] = [*(spec.get("tolerations") or ()), *_bearing()]
    if node:
        spec = _bound(spec, node)
    labels = {**((template.get("metadata") or {}).get("labels") or {}), history.POD_HASH: mark}
    owner = objects.owner_reference("apps/v1", "DaemonSet", daemon_set)
    return pods.from_template(
        {**template, "spec": {**spec, "tolerations": tolerations}},
        owner,
        objects.namespace(daemon_set),
        generateName=f"{objects.name(daemon_set)}-",
        labels=labels,
    )


def _bearing() -> list[dict[str, str]]:
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]


def _bound(spec: Mapping[str, Any], node: str) -> dict[str, Any]:
    affinity = spec.get("affinity") or {}
    of_node = affinity.get("nodeAffinity") or {}
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    of_node = {**of_node, "requiredDuringSchedulingIgnoredDuringExecution": required}
    return {**spec, "affinity": {**affinity, "nodeAffinity": of_node}}


def _target(pod: Object) -> str:
    """The node that a pod is on, or is meant for."""
    if node := pods.node(pod):
        return node
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field.get("values"):
                return str(field["values"][0])
    return ""


def _status(
    daemon_set: Object, there: Mapping[str, Sequence[Object]], wanted: Sequence[str], mark: str, now: datetime
) -> tuple[dict[str, Any], float | None]:
    seconds = int(daemon_set["spec"].get("minReadySeconds") or 0)
    first = [next(iter(there[node])) for node in wanted if there.get(node)]
    available, after = pods.available(first, seconds, now)
    status = {
        "currentNumberScheduled": len(first),
        "numberMisscheduled": sum(node not in wanted for node in there),
        "desiredNumberScheduled": len(wanted),
        "numberReady": sum(map(pods.ready, first)),
        "observedGeneration": objects.generation(daemon_set),
        **objects.counts(
            updatedNumberScheduled=sum(objects.labels(pod).get(history.POD_HASH) == mark for pod in first),
            numberAvailable=available,
            numberUnavailable=len(wanted) - available,
        ),
    }
    return status, after


CONTROLLER: Final = Controller(
    name="daemonsets",
    routes={
        kinds.DAEMON_SETS.table: controller.itself,
        kinds.PODS.table: controller.its_owner(kinds.DAEMON_SETS),
        kinds.NODES.table: controller.everything(kinds.DAEMON_SETS),
        kinds.CONTROLLER_REVISIONS.table: controller.its_owner(kinds.DAEMON_SETS),
    },
    look=look,
)
