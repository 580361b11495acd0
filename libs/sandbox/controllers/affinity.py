"""Pods that want to be near others, or far from them, or evenly spread: the required rules of it.

What pods that run already require of later ones is not looked at. Upstream: k8s.io/kubernetes
pkg/scheduler/framework/plugins/interpodaffinity and podtopologyspread.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from libs.sandbox.controllers import objects, pods
from libs.sandbox.controllers.objects import Object

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def asks(pod: Object) -> bool:
    """Whether the pod's place depends on other pods at all."""
    affinity = pod["spec"].get("affinity") or {}
    return bool(
        affinity.get("podAffinity") or affinity.get("podAntiAffinity") or pod["spec"].get("topologySpreadConstraints")
    )


class Neighbours:
    """The bound pods that a pod's rules are about, counted by topology once for all nodes."""

    def __init__(self, pod: Object, nodes: Sequence[Object], others: Iterable[Object]) -> None:
        self._pod = pod
        self._labels = {objects.name(node): objects.labels(node) for node in nodes}
        self._others = [each for each in others if pods.active(each) and pods.node(each) in self._labels]
        affinity = pod["spec"].get("affinity") or {}
        self._near = [self._counted(term) for term in (affinity.get("podAffinity") or {}).get(_REQUIRED) or ()]
        self._far = [self._counted(term) for term in (affinity.get("podAntiAffinity") or {}).get(_REQUIRED) or ()]
        self._spread = [
            (rule, self._counted(rule, everywhere=True))
            for rule in pod["spec"].get("topologySpreadConstraints") or ()
            if rule["whenUnsatisfiable"] == "DoNotSchedule"
        ]

    def _counted(self, term: Mapping[str, Any], *, everywhere: bool = False) -> tuple[str, Counter[str], bool]:
        """The topology key of a rule, the matching pods in each domain, and whether the pod itself matches.

        `everywhere`: domains without a matching pod are there too, with 0.
        """
        key, selector = term["topologyKey"], term.get("labelSelector")
        spaces = term.get("namespaces") or [objects.namespace(self._pod)]
        domains: Counter[str] = Counter()
        if everywhere:
            domains.update({marks[key]: 0 for marks in self._labels.values() if key in marks})
        for other in self._others:
            domain = self._labels[pods.node(other)].get(key)
            if domain is not None and objects.namespace(other) in spaces:
                domains[domain] += objects.selects(selector, objects.labels(other))
        return key, domains, objects.selects(selector, objects.labels(self._pod))

    def refused(self, node: Object) -> Sequence[str]:
        """Why the pod may not come to this node beside these pods; nothing if it may."""
        marks = self._labels[objects.name(node)]
        for key, domains, itself in self._near:
            first = itself and not domains.total()
            if key not in marks or not (domains[marks[key]] or first):
                return ("node(s) didn't match pod affinity rules",)
        if any(key in marks and domains[marks[key]] for key, domains, _ in self._far):
            return ("node(s) didn't match pod anti-affinity rules",)
        for rule, (key, domains, itself) in self._spread:
            if key not in marks:
                return ("node(s) didn't match pod topology spread constraints (missing required label)",)
            if domains[marks[key]] + itself - min(domains.values()) > rule["maxSkew"]:
                return ("node(s) didn't match pod topology spread constraints",)
        return ()
