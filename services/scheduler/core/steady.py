"""Dividing replicas by what clusters have room for, and keeping what runs where it runs."""

from collections.abc import Mapping, Sequence

from services.scheduler.core import division
from services.scheduler.core.failures import Unschedulable


def by_room(
    replicas: int,
    room: Mapping[str, int],
    scheduled: Mapping[str, int],
    *,
    fresh: bool,
    aggregated: bool,
    uid: str,
) -> dict[str, int]:
    """Replicas by cluster.

    What is missing is divided by the room that each cluster has for more; what is too much is taken away in proportion
    to what runs; nothing else moves, unless `fresh`.

    Args:
        replicas: how many there must be in all.
        room: how many more each selected cluster can take, in order of selection.
        scheduled: replicas that run now, in selected clusters, in the order of the binding.
        fresh: whether what runs has no claim.
        aggregated: into as few clusters as hold them, instead of all.
        uid: of the template, for ties.

    Raises:
        Unschedulable: there is not enough room.
    """
    assigned = sum(scheduled.values())
    base: Mapping[str, int] = {}
    if fresh:
        verb, target = "do fresh scale", replicas
        available = {name: more + scheduled.get(name, 0) for name, more in room.items()}
    elif assigned > replicas:
        verb, target, available = "scale down", replicas, dict(scheduled)
    elif assigned < replicas:
        verb, target, available, base = "scale up", replicas - assigned, dict(room), scheduled
    else:
        return dict(scheduled)
    total = sum(available.values())
    if total < target:
        raise Unschedulable(
            f"failed to assign replicas: failed to {verb}: "
            f"Clusters available replicas {total} are not enough to schedule."
        )
    order = sorted(available, key=lambda name: -available[name])
    if aggregated:
        order = _fewest(order, available, target, prefer=base)
    added = division.divide(target, {name: available[name] for name in order}, uid)
    return {name: base.get(name, 0) + added.get(name, 0) for name in {**added, **base}}


def _fewest(order: Sequence[str], available: Mapping[str, int], target: int, prefer: Mapping[str, int]) -> list[str]:
    """The shortest beginning of `order` that has room for `target`; clusters that run replicas already come first."""
    first = [name for name in order if prefer.get(name, 0) > 0]
    rest = [name for name in order if prefer.get(name, 0) <= 0]
    kept: list[str] = []
    have = 0
    for name in [*first, *rest]:
        if have >= target:
            break
        kept.append(name)
        have += available[name]
    return kept
