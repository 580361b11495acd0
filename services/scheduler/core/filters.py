"""Which clusters a template may go to at all. Each filter answers the reason against a cluster, or nothing."""

from collections.abc import Callable, Iterator
from typing import Final

from libs.common.api import selectors
from libs.common.api.meta import Taint, Toleration
from libs.common.messages import ClusterEntry
from services.scheduler.core.question import Question

Filter = Callable[[Question, ClusterEntry], str]

_HARD_EFFECTS: Final = ("NoSchedule", "NoExecute")


def affinity(question: Question, cluster: ClusterEntry) -> str:
    """The placement's affinity, or the tried term and, for workloads, its overflow groups."""
    wanted = question.affinity
    if wanted is None or selectors.match_cluster(wanted, cluster):
        return ""
    if question.request.workload and any(selectors.match_cluster(g, cluster) for g in question.overflow or ()):
        return ""
    return "cluster(s) did not match the placement cluster affinity constraint"


def api_enablement(question: Question, cluster: ClusterEntry) -> str:
    """The cluster serves the template's kind; where it runs already is not looked at again."""
    template = question.request.template
    if cluster.name in question.current or template.kind in cluster.api_enablements.get(template.api_version, ()):
        return ""
    return "cluster(s) did not have the API resource"


def taints(question: Question, cluster: ClusterEntry) -> str:
    """Hard taints are tolerated; where it runs already they evict, which is not the scheduler's to decide."""
    if cluster.name in question.current:
        return ""
    tolerations = question.placement.cluster_tolerations or []
    for taint in cluster.taints:
        if taint.effect in _HARD_EFFECTS and not any(tolerates(t, taint) for t in tolerations):
            value = f"={taint.value}" if taint.value else ""
            return f"cluster(s) had untolerated taint {{{taint.key}{value}:{taint.effect}}}"
    return ""


def spread_properties(question: Question, cluster: ClusterEntry) -> str:
    """The cluster says where it is, when the placement spreads by that."""
    have = {"provider": cluster.provider, "region": cluster.region, "zone": cluster.zones}
    for constraint in question.placement.spread_constraints or ():
        field = constraint.spread_by_field
        if field in have and not have[field]:
            return f"cluster(s) did not have {'zones' if field == 'zone' else field} property"
    return ""


def eviction(question: Question, cluster: ClusterEntry) -> str:
    """The cluster is not just being left."""
    if any(task.from_cluster == cluster.name for task in question.request.graceful_eviction_tasks):
        return "cluster(s) is in the process of eviction"
    return ""


FILTERS: Final[tuple[tuple[str, Filter], ...]] = (
    ("APIEnablement", api_enablement),
    ("TaintToleration", taints),
    ("ClusterAffinity", affinity),
    ("SpreadConstraint", spread_properties),
    ("ClusterEviction", eviction),
)


def rejection(question: Question, cluster: ClusterEntry) -> tuple[str, str] | None:
    """The first filter against a cluster and its reason; None if it passes all."""
    return next(_rejections(question, cluster), None)


def _rejections(question: Question, cluster: ClusterEntry) -> Iterator[tuple[str, str]]:
    for name, check in FILTERS:
        reason = check(question, cluster) if question.options.has(name) else ""
        if reason:
            yield name, reason


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers a taint; how long it does is not looked at here."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value
