"""Deployments: one ReplicaSet for each template, sized so that pods change over without a gap.

Upstream: k8s.io/kubernetes pkg/controller/deployment.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import controller, objects, ownership, pods, progress, revisions, rollout
from libs.sandbox.controllers.actions import Action, Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.store import Event

_NAME: Final = "deployments"


def look(view: View, key: Key) -> Decision:
    """Gathers a Deployment's ReplicaSets and decides."""
    deployment = view.get(kinds.DEPLOYMENTS, *key)
    if deployment is None:
        return Decision()
    mine = view.owned(deployment, kinds.REPLICA_SETS)
    loose = view.loose(kinds.REPLICA_SETS, key[0])
    if claims := ownership.changes(kinds.REPLICA_SETS, deployment, kinds.DEPLOYMENTS, mine, loose):
        return Decision(actions=tuple(claims))
    old_pods = 0
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        new = revisions.newest(deployment, mine)
        old = [each for each in mine if each is not new]
        old_pods = sum(not pods.finished(pod) for each in old for pod in view.owned(each, kinds.PODS))
    refusal = view.refusals.get((_NAME, *key), "")
    return decide(deployment, mine, view.now, old_pods=old_pods, refusal=refusal)


def decide(
    deployment: Object, replica_sets: Sequence[Object], now: datetime, *, old_pods: int = 0, refusal: str = ""
) -> Decision:
    """The next step of a Deployment.

    `old_pods`: pods of old ReplicaSets that still run, which Recreate waits for. `refusal`: why the new ReplicaSet
    could not be made last time.
    """
    plan = rollout.strategy(deployment["spec"])
    new = revisions.newest(deployment, replica_sets)
    old = [each for each in replica_sets if each is not new]
    status = progress.status(deployment, replica_sets, new, plan, now)
    if objects.terminating(deployment):
        return _report(deployment, status)
    status = progress.paused(deployment, status, now)
    if deployment["spec"].get("paused") or rollout.scaled_since(plan, [rollout.sized(each) for each in replica_sets]):
        return _scale(deployment, new, old, plan, status)
    revision = max(map(revisions.number, old), default=0) + 1
    if new is None:
        size = rollout.first_size(plan, 0, sum(map(_size, old))) if plan.rolling or not any(map(_size, old)) else 0
        made = revisions.replica_set(deployment, revision, plan, size)
        if refusal:
            return _begin_again(deployment, made, status, refusal, now)
        return _begin(deployment, old, made, status, now)
    steps = _steps(plan, new, old, old_pods)
    actions = _resized(replica_sets, steps, plan)
    if not steps and (renewed := revisions.renewed(deployment, new, revision)):
        actions.append(Replace(resource=kinds.REPLICA_SETS, body=renewed))
    if actions:
        return Decision(actions=tuple(actions))
    if progress.complete(plan, status):
        actions += [Delete(resource=kinds.REPLICA_SETS, target=each) for each in revisions.surplus(deployment, old)]
    if (marked := _marked(deployment, revisions.number(new))) is not None:
        return Decision(actions=(*actions, marked))
    status, after = progress.progressing(deployment, new, status, plan, now)
    return _report(deployment, status, actions, after)


def _scale(
    deployment: Object, new: Object | None, old: Sequence[Object], plan: rollout.Strategy, status: dict[str, Any]
) -> Decision:
    """Sizes alone, of a Deployment that is paused or was scaled."""
    steps = rollout.scale(
        plan,
        rollout.sized(new) if new else None,
        [rollout.sized(each) for each in old],
        reported=int(objects.status(deployment).get("replicas") or 0),
    )
    living = {objects.name(each): _size(each) for each in (*old, *([new] if new else ())) if _size(each)}
    everything = [*old, *([new] if new else ())]
    if actions := _resized(everything, living | steps, plan):
        return Decision(actions=tuple(actions))
    surplus = revisions.surplus(deployment, old) if deployment["spec"].get("paused") else ()
    return _report(deployment, status, [Delete(resource=kinds.REPLICA_SETS, target=each) for each in surplus])


def _begin(
    deployment: Object, old: Sequence[Object], made: dict[str, Any], status: dict[str, Any], now: datetime
) -> Decision:
    """A rollout starts: the new ReplicaSet, as large as it may be beside the old ones.

    The status waits for what comes of that, unless it must tell that an earlier rollout is no longer the last word.
    """
    actions: list[Action] = [Create(resource=kinds.REPLICA_SETS, body=made)]
    if old:
        status = progress.created(status, made["metadata"]["name"], now)
        return _report(deployment, status, actions)
    marked = _marked(deployment, revisions.number(made))
    return Decision(actions=(*actions, *((marked,) if marked else ())))


def _begin_again(
    deployment: Object, made: dict[str, Any], status: dict[str, Any], refusal: str, now: datetime
) -> Decision:
    """The new ReplicaSet was refused: the status says so, and it is tried again; under another name if it was taken."""
    if refusal.endswith("already exists"):
        counted = _report(deployment, {**status, "collisionCount": int(status.get("collisionCount") or 0) + 1})
        return Decision(actions=counted.actions)
    said = _report(deployment, progress.refused(status, made["metadata"]["name"], refusal, now))
    return Decision(actions=(*said.actions, Create(resource=kinds.REPLICA_SETS, body=made)))


def _steps(plan: rollout.Strategy, new: Object, old: Sequence[Object], old_pods: int) -> dict[str, int]:
    sized, others = rollout.sized(new), [rollout.sized(each) for each in old]
    if plan.rolling:
        return rollout.roll(plan, sized, others)
    return rollout.recreate(plan, sized, others, old_pods=old_pods)


def _resized(sets: Sequence[Object], steps: Mapping[str, int], plan: rollout.Strategy) -> list[Action]:
    """The ReplicaSets with their new sizes and the memory of why they have them, as far as that is a change."""
    actions: list[Action] = []
    for each in sets:
        if objects.name(each) not in steps:
            continue
        size = steps[objects.name(each)]
        remembered = {**objects.annotations(each), **revisions.sizes(plan)}
        if size != _size(each) or remembered != objects.annotations(each):
            body = objects.with_metadata(each, annotations=remembered)
            actions.append(
                Replace(resource=kinds.REPLICA_SETS, body={**body, "spec": {**each["spec"], "replicas": size}})
            )
    return actions


def _size(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def _marked(deployment: Object, revision: int) -> Replace | None:
    """The Deployment with its revision written on it, if it is not."""
    if revisions.number(deployment) == revision:
        return None
    marks = {**objects.annotations(deployment), revisions.REVISION: str(revision)}
    return Replace(resource=kinds.DEPLOYMENTS, body=objects.with_metadata(deployment, annotations=marks))


def _report(
    deployment: Object, status: dict[str, Any], actions: Sequence[Action] = (), after: float | None = None
) -> Decision:
    if status == objects.status(deployment):
        return Decision(actions=tuple(actions), after=after)
    written = Replace(resource=kinds.DEPLOYMENTS, body=objects.with_status(deployment, status), subresource="status")
    return Decision(actions=(*actions, written), after=after, final=not actions)


def _of_pod(event: Event, view: View) -> Iterable[Key]:
    """The Deployment whose Recreate waits for the pod that went."""
    owner = objects.controller(event.object)
    if event.type != "DELETED" or owner is None or owner["kind"] != "ReplicaSet":
        return ()
    replica_set = view.get(kinds.REPLICA_SETS, objects.namespace(event.object), owner["name"])
    above = objects.controller(replica_set) if replica_set else None
    return ((objects.namespace(event.object), above["name"]),) if above and above["kind"] == "Deployment" else ()


CONTROLLER: Final = Controller(
    name=_NAME,
    routes={
        kinds.DEPLOYMENTS.table: controller.itself,
        kinds.REPLICA_SETS.table: controller.its_owner(kinds.DEPLOYMENTS),
        kinds.PODS.table: _of_pod,
    },
    look=look,
)
