"""How many nodes fall into each grade of `Cluster.spec.resourceModels`. Reference: Karmada's `pkg/modeling`."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from libs.common.api import quantities
from libs.common.api.cluster import DEFAULT_RESOURCE_MODELS, AllocatableModeling, ResourceModel

DEFAULT = msgspec.convert(DEFAULT_RESOURCE_MODELS, tuple[ResourceModel, ...])


class Grades(msgspec.Struct, frozen=True):
    """Resource models, made ready for looking nodes up."""

    numbers: tuple[int, ...]
    floors: tuple[tuple[str, tuple[int, ...]], ...]
    """For each resource that the first grade names, the lower bound of every grade."""


def grades(models: Sequence[ResourceModel]) -> Grades:
    """Raises ValueError for a bound that is no quantity."""
    ordered = sorted(models, key=lambda m: m.grade)
    resources = [r.name for r in ordered[0].ranges] if ordered else []
    floors = []
    for resource in resources:
        bounds = [quantities.nanos(r.min) for m in ordered for r in m.ranges if r.name == resource]
        floors.append((resource, tuple(bounds)))
    return Grades(tuple(m.grade for m in ordered), tuple(floors))


def index(grades: Grades, available: Mapping[str, int]) -> int:
    """The position of the grade of a node that has `available` billionths left; -1 when it is overcommitted.

    The scarcest resource decides. A resource that the node does not have counts as none of it.
    """
    return min((bisect_right(floors, available.get(name, 0)) - 1 for name, floors in grades.floors), default=-1)


def count(grades: Grades, nodes: Iterable[Mapping[str, int]]) -> list[AllocatableModeling]:
    """Nodes per grade, given what each has left.

    A node that can take no more pods counts in no grade. Karmada ends its count at the first such node, so that its
    result depends on the order of a hash map; here the others are counted all the same.
    """
    counts = [0] * len(grades.numbers)
    for available in nodes:
        position = index(grades, available)
        if position >= 0 and available.get("pods", 0) > 0:
            counts[position] += 1
    return [AllocatableModeling(grade=g, count=c) for g, c in zip(grades.numbers, counts, strict=True)]
