"""StatefulSets: pods with a number, made upwards and unmade downwards (upstream: pkg/controller/statefulset)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import controller, history, objects, ownership, pods
from libs.sandbox.controllers.actions import Action, Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View

_NAME_LABEL: Final = "statefulset.kubernetes.io/pod-name"
_INDEX_LABEL: Final = "apps.kubernetes.io/pod-index"


def look(view: View, key: Key) -> Decision:
    """Gathers a StatefulSet's pods, revisions and claims, and decides."""
    stateful_set = view.get(kinds.STATEFUL_SETS, *key)
    if stateful_set is None:
        return Decision()
    mine = view.owned(stateful_set, kinds.PODS)
    loose = [each for each in view.loose(kinds.PODS, key[0]) if ordinal(stateful_set, each) is not None]
    if claims := ownership.changes(kinds.PODS, stateful_set, kinds.STATEFUL_SETS, mine, loose):
        return Decision(actions=tuple(claims))
    claimed = {objects.name(each): each for each in view.within(kinds.PERSISTENT_VOLUME_CLAIMS, key[0])}
    return decide(stateful_set, mine, view.owned(stateful_set, kinds.CONTROLLER_REVISIONS), claimed, view.now)


def ordinal(stateful_set: Object, pod: Object) -> int | None:
    """The number of a pod, by its name; None if it cannot be one of the set's."""
    parent, _, number = objects.name(pod).rpartition("-")
    return int(number) if parent == objects.name(stateful_set) and number.isdigit() else None


def decide(
    stateful_set: Object,
    owned: Sequence[Object],
    revisions: Sequence[Object],
    claimed: Mapping[str, Object],
    now: datetime,
) -> Decision:
    """The next step of a StatefulSet: pods, or else its status. `claimed`: the volume claims that exist, by name."""
    update = history.latest(stateful_set, kinds.STATEFUL_SETS, revisions)
    if update.action is not None:
        return Decision(actions=(update.action,))
    current = objects.status(stateful_set).get("currentRevision") or update.name
    by_name = {objects.name(each): each for each in revisions}
    numbered = {number: pod for pod in owned if (number := ordinal(stateful_set, pod)) is not None}
    if not objects.terminating(stateful_set):
        old = by_name.get(current)
        steps = _steps(stateful_set, numbered, update.name, current, history.template(old) if old else None, claimed)
        if steps:
            return Decision(actions=tuple(steps))
    status, after = _status(stateful_set, numbered, current, update.name, now)
    used = {current, update.name, *(objects.labels(pod).get(history.POD_HASH, "") for pod in owned)}
    actions = history.surplus(stateful_set, revisions, used)
    if status != objects.status(stateful_set):
        body = objects.with_status(stateful_set, status)
        actions.append(Replace(resource=kinds.STATEFUL_SETS, body=body, subresource="status"))
    return Decision(actions=tuple(actions), after=after)


def _steps(
    stateful_set: Object,
    numbered: Mapping[int, Object],
    update: str,
    current: str,
    current_template: Mapping[str, Any] | None,
    claimed: Mapping[str, Object],
) -> list[Action]:
    """Pods to make, from the lowest number up, or to delete, from the highest down."""
    spec = stateful_set["spec"]
    ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    start = int((spec.get("ordinals") or {}).get("start") or 0)
    wanted = range(start, start + int(spec.get("replicas", 1)))
    rolling = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    bounds = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}) if rolling else {}
    first_updated = start + int(bounds.get("partition") or 0)
    actions: list[Action] = []
    for number in wanted:
        pod = numbered.get(number)
        if pod is None:
            older = rolling and number < first_updated and current_template is not None
            template, revision = (current_template, current) if older else (spec["template"], update)
            actions += _creation(stateful_set, number, template or spec["template"], revision, claimed)
        elif pods.finished(pod) and not objects.terminating(pod):
            actions.append(pods.deletion(pod))
        elif _healthy(pod) or not ordered:
            continue
        if ordered:
            return actions
    for number in sorted((each for each in numbered if each not in wanted), reverse=True):
        if not objects.terminating(numbered[number]):
            actions.append(pods.deletion(numbered[number]))
            actions += _unclaimed(stateful_set, numbered[number], claimed)
        if ordered:
            return actions
    return actions or (_update(numbered, wanted, first_updated, update) if rolling else [])


def _update(numbered: Mapping[int, Object], wanted: range, first_updated: int, update: str) -> list[Action]:
    """The highest pod of an old revision goes, if those above it are healthy."""
    for number in reversed(wanted):
        pod = numbered.get(number)
        if number < first_updated or pod is None:
            return []
        if objects.labels(pod).get(history.POD_HASH) != update:
            return [] if objects.terminating(pod) else [pods.deletion(pod)]
        if not _healthy(pod):
            return []
    return []


def _healthy(pod: Object) -> bool:
    return pods.ready(pod) and not objects.terminating(pod)


def _creation(
    stateful_set: Object, number: int, template: Mapping[str, Any], revision: str, claimed: Mapping[str, Object]
) -> list[Action]:
    """A pod with its number, and before it the claims that it lacks."""
    name = f"{objects.name(stateful_set)}-{number}"
    namespace = objects.namespace(stateful_set)
    owner = objects.owner_reference("apps/v1", "StatefulSet", stateful_set)
    marks = (template.get("metadata") or {}).get("labels") or {}
    labels = {**marks, history.POD_HASH: revision, _NAME_LABEL: name, _INDEX_LABEL: str(number)}
    pod = pods.from_template(template, owner, namespace, name=name, labels=labels)
    actions: list[Action] = []
    volumes = []
    for claim in stateful_set["spec"].get("volumeClaimTemplates") or ():
        claim_name = f"{objects.name(claim)}-{name}"
        volumes.append({"name": objects.name(claim), "persistentVolumeClaim": {"claimName": claim_name}})
        if claim_name not in claimed:
            selector = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
            metadata = {**claim["metadata"], "namespace": namespace, "name": claim_name}
            metadata["labels"] = {**objects.labels(claim), **selector}
            if _retention(stateful_set, "whenDeleted") == "Delete":
                metadata["ownerReferences"] = [{**owner, "controller": False, "blockOwnerDeletion": False}]
            body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim["spec"]}
            actions.append(Create(resource=kinds.PERSISTENT_VOLUME_CLAIMS, body=body))
    taken = {each["name"] for each in volumes}
    kept = [each for each in pod["spec"].get("volumes") or () if each["name"] not in taken]
    pod["spec"] = {**pod["spec"], "hostname": name}
    if service := stateful_set["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = service
    if volumes or kept:
        pod["spec"]["volumes"] = [*kept, *volumes]
    return [*actions, Create(resource=kinds.PODS, body=pod)]


def _retention(stateful_set: Object, when: str) -> str:
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return str(policy.get(when) or "Retain")


def _unclaimed(stateful_set: Object, pod: Object, claimed: Mapping[str, Object]) -> list[Action]:
    """The end of the claims of a pod that is no longer wanted, if they are not to be kept."""
    if _retention(stateful_set, "whenScaled") != "Delete":
        return []
    names = [
        f"{objects.name(each)}-{objects.name(pod)}" for each in stateful_set["spec"].get("volumeClaimTemplates") or ()
    ]
    return [Delete(resource=kinds.PERSISTENT_VOLUME_CLAIMS, target=claimed[each]) for each in names if each in claimed]


def _status(
    stateful_set: Object, numbered: Mapping[int, Object], current: str, update: str, now: datetime
) -> tuple[dict[str, Any], float | None]:
    spec = stateful_set["spec"]
    alive = list(numbered.values())
    available, after = pods.available(alive, int(spec.get("minReadySeconds") or 0), now)
    hashes = [objects.labels(pod).get(history.POD_HASH) for pod in alive if not objects.terminating(pod)]
    ready = sum(map(pods.ready, alive))
    wanted = int(spec.get("replicas", 1))
    updated = hashes.count(update)
    rolling = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    if rolling and updated == ready == len(alive) == wanted:
        current = update
    status = {
        "observedGeneration": objects.generation(stateful_set),
        "replicas": len(alive),
        **objects.counts(readyReplicas=ready, currentReplicas=hashes.count(current), updatedReplicas=updated),
        "availableReplicas": available,
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
    }
    return status, after


CONTROLLER: Final = Controller(
    name="statefulsets",
    routes={
        kinds.STATEFUL_SETS.table: controller.itself,
        kinds.PODS.table: controller.its_owner(kinds.STATEFUL_SETS),
        kinds.CONTROLLER_REVISIONS.table: controller.its_owner(kinds.STATEFUL_SETS),
    },
    look=look,
)
