"""What a cluster has and what of it is taken, kept up to date node by node and pod by pod.

Reference: Karmada's cluster status controller (`pkg/controllers/status/cluster_status_controller.go`).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from libs.common.api import quantities
from libs.common.api.cluster import NodeSummary, ResourceSummary
from libs.common.api.meta import ApiStruct, ResourceList
from libs.common.kube.resources import ObjectKey
from services.agent.core import modelings, requests
from services.agent.core.modelings import Grades
from services.agent.core.requests import Demand

_BINARY: Final = ("memory", "ephemeral-storage")


class NodeCondition(ApiStruct, frozen=True, kw_only=True):
    type: str = ""
    status: str = ""


class NodeStatus(ApiStruct, frozen=True, kw_only=True):
    allocatable: ResourceList | None = None
    conditions: list[NodeCondition] | None = None


class Node(ApiStruct, frozen=True, kw_only=True):
    """The part of a node that capacity needs."""

    status: NodeStatus = NodeStatus()


class Offer(msgspec.Struct, frozen=True):
    """What a node has, in billionths, which of it is written with binary suffixes, and whether it is ready."""

    amounts: dict[str, int]
    binary: frozenset[str]
    ready: bool


class Ledger:
    """Sums over nodes and pods. Each `set_` replaces what was known of that node or pod; None: it is gone."""

    def __init__(self) -> None:
        self._nodes: dict[str, Offer] = {}
        self._pods: dict[ObjectKey, Demand] = {}
        self._allocatable: dict[str, int] = {}
        self._allocating: dict[str, int] = {}
        self._allocated: dict[str, int] = {}
        self._taken: dict[str, dict[str, int]] = {}
        """By node, also for nodes that are not known yet."""

    def set_node(self, name: str, new: Offer | None) -> bool:
        """Returns whether anything that counts has changed."""
        old = self._nodes.pop(name, None)
        if new is not None:
            self._nodes[name] = new
        if old == new:
            return False
        requests.add(self._allocatable, old.amounts if old else {}, -1)
        requests.add(self._allocatable, new.amounts if new else {})
        return True

    def set_pod(self, key: ObjectKey, new: Demand | None) -> bool:
        """Returns whether anything that counts has changed."""
        old = self._pods.pop(key, None)
        if new is not None:
            self._pods[key] = new
        if old == new:
            return False
        for demand, sign in ((old, -1), (new, 1)):
            if demand is not None and demand.counts:
                self._book(demand, sign)
        return True

    def node_summary(self) -> NodeSummary:
        return NodeSummary(total_num=len(self._nodes), ready_num=sum(node.ready for node in self._nodes.values()))

    def resource_summary(self, grades: Grades | None) -> ResourceSummary:
        """All sums as quantities; with `grades`, also the nodes per grade."""
        binary = frozenset().union(*(node.binary for node in self._nodes.values()))
        return ResourceSummary(
            allocatable={n: quantities.text(a, binary=n in binary) for n, a in sorted(self._allocatable.items())},
            allocating=_listed(self._allocating),
            allocated=_listed(self._allocated),
            allocatable_modelings=modelings.count(grades, self.available()) if grades and grades.numbers else None,
        )

    def available(self) -> Iterator[Mapping[str, int]]:
        """What each node has left, in billionths; less than nothing where it is overcommitted."""
        for name, node in self._nodes.items():
            taken = self._taken.get(name) or {}
            yield {resource: amount - taken.get(resource, 0) for resource, amount in node.amounts.items()}

    def _book(self, demand: Demand, sign: int) -> None:
        total = self._allocated if demand.node else self._allocating
        amounts = {**demand.requests, "pods": quantities.NANOS}
        requests.add(total, amounts, sign)
        if demand.node:
            taken = self._taken.setdefault(demand.node, {})
            requests.add(taken, amounts, sign)
            if not taken:
                del self._taken[demand.node]


def offer(node: Node) -> Offer:
    """What a node has. Raises ValueError for a quantity that is none."""
    allocatable = node.status.allocatable or {}
    return Offer(
        amounts={name: quantities.nanos(quantity) for name, quantity in allocatable.items()},
        binary=frozenset(name for name, quantity in allocatable.items() if str(quantity).endswith("i")),
        ready=any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or ()),
    )


def _listed(amounts: dict[str, int]) -> ResourceList:
    return {
        name: quantities.text(amount, binary=name in _BINARY or name.startswith("hugepages-"))
        for name, amount in sorted(amounts.items())
    }
