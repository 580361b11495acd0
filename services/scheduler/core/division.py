"""Dividing replicas by weights: Webster's method (Sainte-Laguë), with Karmada's tie-breaks."""

import heapq
from collections.abc import Mapping

from libs.common import names
from libs.common.api import selectors
from libs.common.api.policy import StaticClusterWeight
from libs.common.messages import ClusterEntry


def divide(seats: int, weights: Mapping[str, int], uid: str = "") -> dict[str, int]:
    """Gives `seats` one by one to whoever has the highest weight per seat, names ascending in the result.

    A tie goes to who has fewer seats, then to the smaller name, or to the greater one where the hash of `uid` is odd:
    so that over many templates no cluster is favoured for its name. Weights of which none is positive give nothing.

    Args:
        seats: replicas to give away.
        weights: by name, not negative.
        uid: of the template; empty for none.
    """
    total = sum(weights.values())
    if total <= 0:
        return {}
    ordered = sorted(weights, reverse=bool(uid) and names.fnv1a32(uid) % 2 == 1)
    taken = {name: _certain(seats, weights[name], total, len(weights)) for name in sorted(weights)}
    # priorities are floats as in Karmada, so that ties are the same ones
    heap = [(-weights[name] / (2 * taken[name] + 1), taken[name], rank) for rank, name in enumerate(ordered)]
    heapq.heapify(heap)
    for _ in range(seats - sum(taken.values())):
        _, had, rank = heap[0]
        name = ordered[rank]
        taken[name] = had + 1
        heapq.heapreplace(heap, (-weights[name] / (2 * (had + 1) + 1), had + 1, rank))
    return taken


def _certain(seats: int, weight: int, total: int, parties: int) -> int:
    """Seats that somebody has in any case, so that many seats need not be given one by one.

    Webster's result rounds `weight / divisor` for a divisor of at most `total / (seats - parties / 2)`; two seats less
    leave all that is close to the giving itself.
    """
    return max(0, weight * (2 * seats - parties) // (2 * total) - 2)


def static_weights(rules: list[StaticClusterWeight] | None, clusters: list[ClusterEntry]) -> dict[str, int]:
    """The weight of each cluster: the highest of the rules that match it. Where no rule matches any, all are equal."""
    if rules is None:
        return dict.fromkeys((c.name for c in clusters), 1)
    weights = {
        cluster.name: max((r.weight for r in rules if selectors.match_cluster(r.target_cluster, cluster)), default=0)
        for cluster in clusters
    }
    named = {name: weight for name, weight in weights.items() if weight > 0}
    return named or dict.fromkeys(weights, 1)
