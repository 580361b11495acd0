"""How many replicas a cluster can take more, judged by the summary that its agent reports.

Karmada's general estimator is the model: free pods, and for each requested resource what is allocatable and neither
allocated nor allocating; where nodes are counted by grade, what nodes of the least size of each grade could take.
"""

from collections.abc import Callable, Mapping
from typing import Final

from libs.common.api import quantities
from libs.common.api.cluster import ResourceModel, ResourceSummary
from libs.common.api.meta import Quantity, ResourceList
from libs.common.api.work import Component
from libs.common.messages import ClusterEntry
from services.scheduler.core.question import Question

Scale = Callable[[int], int]

UNLIMITED: Final = 2**31 - 1
NODE_PODS: Final = 110
"""Pods that a node of a model takes."""


def additional(question: Question, cluster: ClusterEntry) -> int:
    """Replicas, or sets of components, that fit into a cluster beside what runs there; unknown capacity gives 0."""
    request = question.request
    if request.replicas == 0 and not request.components:
        return UNLIMITED
    summary = cluster.resource_summary
    if summary is None:
        return 0
    pods = free(summary, "pods", quantities.units)
    if pods <= 0:
        return 0
    if request.components:
        fit = _sets(request.components, cluster, summary, pods) if question.sets else pods
    else:
        requirements = request.replica_requirements
        fit = min(pods, _replicas(requirements.resource_request or {}, cluster, summary)) if requirements else pods
    return min(fit, UNLIMITED)


def free(summary: ResourceSummary, name: str, scale: Scale) -> int:
    """What is left of a resource, in the units of `scale`."""
    return scale(_of(summary.allocatable, name) - _of(summary.allocated, name) - _of(summary.allocating, name))


def _replicas(request: ResourceList, cluster: ClusterEntry, summary: ResourceSummary) -> int:
    if summary.allocatable_modelings and cluster.resource_models:
        return sum(_on_node(request, node) * count for node, count in _nodes(cluster, summary))
    fit = UNLIMITED
    for name, quantity in request.items():
        asked = _amount(name, quantity)
        if asked <= 0:
            continue
        if name not in (summary.allocatable or {}):
            return 0
        fit = min(fit, max(0, free(summary, name, _scale(name)) // asked))
    return fit


def _nodes(cluster: ClusterEntry, summary: ResourceSummary) -> list[tuple[dict[str, int], int]]:
    """Capacity and number of the counted nodes, by grade upwards; each node has the least that its grade can have."""
    grades = {model.grade: model for model in cluster.resource_models}
    counted = sorted((m for m in summary.allocatable_modelings or ()), key=lambda m: m.grade)
    return [(_least(grades[m.grade]), m.count) for m in counted if m.grade in grades and m.count > 0]


def _least(model: ResourceModel) -> dict[str, int]:
    return {r.name: _amount(r.name, r.min) for r in model.ranges}


def _on_node(request: Mapping[str, Quantity], node: Mapping[str, int]) -> int:
    fit = NODE_PODS
    for name, quantity in request.items():
        asked = _amount(name, quantity)
        if asked > 0 and name != "pods" and _counts(name):
            fit = min(fit, node.get(name, 0) // asked)
    return fit


def _sets(components: list[Component], cluster: ClusterEntry, summary: ResourceSummary, pods: int) -> int:
    """Whole sets of components that fit."""
    pods_per_set = sum(component.replicas for component in components)
    if pods_per_set <= 0:
        return pods
    fit = pods // pods_per_set
    for name, asked in _per_set(components).items():
        if name not in (summary.allocatable or {}):
            return 0
        fit = min(fit, max(0, free(summary, name, _scale(name)) // asked))
    if fit > 0 and summary.allocatable_modelings and cluster.resource_models:
        fit = min(fit, _sets_on_nodes(components, _nodes(cluster, summary), fit))
    return fit


def _per_set(components: list[Component]) -> dict[str, int]:
    total: dict[str, int] = {}
    for component in components:
        for name, quantity in _request(component).items():
            asked = _amount(name, quantity) * component.replicas
            if asked > 0:
                total[name] = total.get(name, 0) + asked
    return total


def _sets_on_nodes(components: list[Component], nodes: list[tuple[dict[str, int], int]], most: int) -> int:
    """First fit, set by set and component by component, on the counted nodes from the smallest grade up."""
    rest = [{**capacity, "pods": NODE_PODS} for capacity, count in nodes for _ in range(count)]
    for placed in range(most):
        for component in components:
            if not _placed_on_nodes(component, rest):
                return placed
    return most


def _placed_on_nodes(component: Component, nodes: list[dict[str, int]]) -> bool:
    asked = {name: _amount(name, q) for name, q in _request(component).items() if name != "pods" and _counts(name)}
    asked = {"pods": 1, **{name: amount for name, amount in asked.items() if amount > 0}}
    left = component.replicas
    for node in nodes:
        if left <= 0:
            return True
        fit = min(left, *(node.get(name, 0) // amount for name, amount in asked.items()))
        if fit > 0:
            left -= fit
            for name, amount in asked.items():
                node[name] -= fit * amount
    return left <= 0


def _request(component: Component) -> ResourceList:
    requirements = component.replica_requirements
    return (requirements.resource_request if requirements is not None else None) or {}


def _of(resources: ResourceList | None, name: str) -> int:
    quantity = (resources or {}).get(name)
    return 0 if quantity is None else quantities.nanos(quantity)


def _amount(name: str, quantity: Quantity) -> int:
    return _scale(name)(quantities.nanos(quantity))


def _scale(name: str) -> Scale:
    """cpu counts in thousandths, everything else in whole units; fractions are rounded up."""
    return quantities.millis if name == "cpu" else quantities.units


def _counts(name: str) -> bool:
    """Whether a node's resource of that name is looked at: the native ones, and extended resources."""
    if name in ("cpu", "memory", "ephemeral-storage") or name.startswith(("hugepages-", "attachable-volumes-")):
        return True
    return "/" in name
