"""The sizes of a Deployment's ReplicaSets: pure arithmetic (k8s.io/kubernetes pkg/controller/deployment)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from libs.sandbox.controllers import objects
from libs.sandbox.controllers.objects import Object


class Sized(msgspec.Struct, frozen=True, kw_only=True):
    """A ReplicaSet, as far as its size goes."""

    name: str
    size: int
    available: int = 0
    created: str = ""
    """Creation time and name: the order of age."""
    desired_before: int | None = None
    """The Deployment's replicas when this ReplicaSet was sized last."""
    maximum_before: int | None = None
    """The same with the surge."""


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """How many pods there shall be, and by how much a rollout may differ from that."""

    desired: int
    surge: int = 0
    unavailable: int = 0
    rolling: bool = True

    @property
    def maximum(self) -> int:
        """The most pods there may be in a rollout."""
        return self.desired + self.surge


def strategy(spec: Any) -> Strategy:
    """The strategy of a Deployment's spec: surge rounds up, unavailable rounds down, and not both are zero."""
    desired = int(spec.get("replicas", 1))
    asked = spec.get("strategy") or {}
    if asked.get("type") == "Recreate":
        return Strategy(desired=desired, rolling=False)
    bounds = asked.get("rollingUpdate") or {}
    surge = objects.portion(bounds.get("maxSurge"), desired, up=True, default="25%")
    unavailable = objects.portion(bounds.get("maxUnavailable"), desired, up=False, default="25%")
    if not surge and not unavailable:
        unavailable = 1
    return Strategy(desired=desired, surge=surge, unavailable=min(unavailable, desired))


def first_size(plan: Strategy, new_size: int, total: int) -> int:
    """The size that the new ReplicaSet may grow to now, when all ReplicaSets together have `total`."""
    if not plan.rolling:
        return plan.desired
    return new_size + max(0, min(plan.maximum - total, plan.desired - new_size))


def roll(plan: Strategy, new: Sized, old: Sequence[Sized]) -> dict[str, int]:
    """One step of a rolling update: the sizes that change. First the new one grows, then the old ones shrink."""
    total = new.size + sum(each.size for each in old)
    if new.size > plan.desired:
        return {new.name: plan.desired}
    if (grown := first_size(plan, new.size, total)) != new.size:
        return {new.name: grown}
    return _shrink(plan, new, old, total)


def _shrink(plan: Strategy, new: Sized, old: Sequence[Sized], total: int) -> dict[str, int]:
    """Old ReplicaSets by age: their unhealthy pods go first, then as many as availability allows."""
    least = plan.desired - plan.unavailable
    spare = total - least - (new.size - new.available)
    if spare <= 0:
        return {}
    sizes: dict[str, int] = {}
    by_age = sorted(old, key=lambda each: each.created)
    for each in by_age:
        cut = min(spare, each.size - each.available)
        if cut > 0:
            sizes[each.name] = each.size - cut
            spare -= cut
    room = new.available + sum(each.available for each in old) - least
    for each in by_age:
        left = sizes.get(each.name, each.size)
        cut = min(room, left)
        if cut > 0:
            sizes[each.name] = left - cut
            room -= cut
    return sizes


def recreate(plan: Strategy, new: Sized, old: Sequence[Sized], *, old_pods: int) -> dict[str, int]:
    """Recreate: all old pods go, and only when none is left the new ones come."""
    if shrunk := {each.name: 0 for each in old if each.size}:
        return shrunk
    if old_pods:
        return {}
    return {new.name: plan.desired} if new.size != plan.desired else {}


def scaled_since(plan: Strategy, sets: Sequence[Sized]) -> bool:
    """Whether the Deployment was scaled after its living ReplicaSets were sized last."""
    return any(each.size and each.desired_before not in (None, plan.desired) for each in sets)


def scale(plan: Strategy, new: Sized | None, old: Sequence[Sized], *, reported: int) -> dict[str, int]:
    """The sizes after a Deployment was scaled, or while it is paused: in proportion, when several live.

    `reported` is the Deployment's status.replicas, for ReplicaSets that carry no earlier maximum.
    """
    everything = [*old, *([new] if new else ())]
    living = [each for each in everything if each.size]
    if len(living) <= 1:
        only = living[0] if living else new or max(old, key=lambda each: each.created, default=None)
        return {only.name: plan.desired} if only and only.size != plan.desired else {}
    if new and new.size == plan.desired == new.available == new.desired_before:
        return {each.name: 0 for each in old if each.size}
    return _in_proportion(plan, living, reported) if plan.rolling else {}


def _in_proportion(plan: Strategy, living: Sequence[Sized], reported: int) -> dict[str, int]:
    """Spread what is to be added or taken over the ReplicaSets by size; what rounding leaves, the largest takes."""
    delta = (plan.maximum if plan.desired else 0) - sum(each.size for each in living)
    by_age = sorted(living, key=lambda each: each.created, reverse=delta > 0)
    by_size = sorted(by_age, key=lambda each: each.size, reverse=True)
    sizes = {each.name: each.size for each in living}
    added = 0
    for each in by_size if delta else ():
        part = _fraction(plan, each, reported)
        part = min(part, delta - added) if delta > 0 else max(part, delta - added)
        sizes[each.name] += part
        added += part
    if delta:
        largest = by_size[0].name
        sizes[largest] = max(0, sizes[largest] + delta - added)
    return {each.name: sizes[each.name] for each in living if sizes[each.name] != each.size}


def _fraction(plan: Strategy, each: Sized, reported: int) -> int:
    if not plan.desired:
        return -each.size
    before = each.maximum_before or reported
    if not before:
        return 0
    return int(each.size * plan.maximum / before + 0.5) - each.size


def sized(replica_set: Object) -> Sized:
    """The facts of a stored ReplicaSet."""
    marks = objects.annotations(replica_set)
    return Sized(
        name=objects.name(replica_set),
        size=int(replica_set["spec"].get("replicas", 1)),
        available=int(objects.status(replica_set).get("availableReplicas") or 0),
        created=f"{replica_set['metadata']['creationTimestamp']} {objects.name(replica_set)}",
        desired_before=_number(marks.get(DESIRED)),
        maximum_before=_number(marks.get(MAXIMUM)),
    )


DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def _number(written: str | None) -> int | None:
    return int(written) if written and written.isdigit() else None
