"""What the pods of each node ask for, kept as running sums."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from libs.common.api import quantities
from libs.sandbox.controllers import objects, pods
from libs.sandbox.controllers.objects import Object

PODS: Final = "pods"
"""The resource that counts pods."""


def requests(pod: Object) -> dict[str, int]:
    """What a pod asks of a node, in billionths: sum of the containers or the largest init container, and overhead.

    Sidecars (init containers that are always restarted) count beside the containers, and for later init containers.
    """
    spec = pod["spec"]
    total = _sum(_asked(each) for each in spec["containers"])
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for each in spec.get("initContainers") or ():
        if each.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, _asked(each)))
            peak = _most(peak, sidecars)
        else:
            peak = _most(peak, _sum((sidecars, _asked(each))))
    total = _most(_sum((total, sidecars)), peak)
    total = _most(total, amounts((spec.get("resources") or {}).get("requests")))
    return {**_sum((total, amounts(spec.get("overhead")))), PODS: quantities.NANOS}


def amounts(listed: Mapping[str, Any] | None) -> dict[str, int]:
    """A ResourceList in billionths."""
    return {key: quantities.nanos(value) for key, value in (listed or {}).items()}


def _asked(container: Mapping[str, Any]) -> dict[str, int]:
    return amounts((container.get("resources") or {}).get("requests"))


def _sum(lists: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in lists:
        for key, value in each.items():
            total[key] = total.get(key, 0) + value
    return total


def _most(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in (*one, *other)}


class Load:
    """Which pods count on which node, and which wait for one. Fed with every change of a pod."""

    def __init__(self) -> None:
        self.waiting: set[tuple[str, str]] = set()
        """Pods that are bound to no node."""
        self._used: dict[str, dict[str, int]] = {}
        self._counted: dict[tuple[str, str], tuple[str, dict[str, int]]] = {}

    def used(self, node: str) -> Mapping[str, int]:
        """What the pods of a node ask for in all, in billionths."""
        return self._used.get(node, {})

    def observe(self, pod: Object, *, gone: bool) -> bool:
        """Takes note of a pod; tells whether that freed room on a node."""
        key = (objects.namespace(pod), objects.name(pod))
        node = pods.node(pod)
        if gone or node or pods.finished(pod):
            self.waiting.discard(key)
        else:
            self.waiting.add(key)
        counts = bool(node) and not gone and not pods.finished(pod)
        before = self._counted.get(key)
        if before is None and counts:
            asked = requests(pod)
            self._counted[key] = (node, asked)
            self._add(node, asked, 1)
        elif before is not None and not counts:
            del self._counted[key]
            self._add(*before, -1)
            return True
        return False

    def _add(self, node: str, asked: Mapping[str, int], sign: int) -> None:
        used = self._used.setdefault(node, {})
        for key, value in asked.items():
            used[key] = used.get(key, 0) + sign * value
