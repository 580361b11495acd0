"""What is asked: a request as one scheduling cycle sees it, with the affinity term that the cycle tries."""

from datetime import datetime
from enum import Enum
from typing import Final

import msgspec

from libs.common.api import selectors
from libs.common.api.policy import ClusterAffinity, ClusterAffinityTerm, Placement, SpreadConstraint
from libs.common.messages import BindingRequest, ClusterEntry
from services.scheduler.core.options import Options

UNORDERED: Final = 1000
"""Order of a cluster that no group of the term takes."""


class Strategy(Enum):
    """How replicas are assigned."""

    DUPLICATED = "Duplicated"
    STATIC = "StaticWeight"
    DYNAMIC = "DynamicWeight"
    AGGREGATED = "Aggregated"
    UNSUPPORTED = "unsupported"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle's input beside the clusters."""

    request: BindingRequest
    placement: Placement
    term: ClusterAffinityTerm | None = None
    """The term that this cycle tries; None where the placement has no terms."""
    strategy: Strategy
    fresh: bool
    """Whether a rescheduling was asked for since the last decision: what runs now has no claim."""
    current: dict[str, int]
    """Replicas by cluster as they are now."""
    options: Options

    @property
    def affinity(self) -> ClusterAffinity | None:
        """The affinity that a cluster must match in the first place."""
        return self.placement.cluster_affinity or self.term

    @property
    def overflow(self) -> list[ClusterAffinity] | None:
        """Groups that take what the term itself cannot; None where the term says nothing of it."""
        groups = self.term.overflow_affinities if self.term is not None else None
        return list(groups) if groups is not None else None

    @property
    def components(self) -> int:
        return len(self.request.components or ())

    @property
    def divisible(self) -> bool:
        """Whether there are replicas to assign."""
        asked = self.request.replicas > 0 or self.request.replica_requirements is not None
        return asked and self.components <= 1

    @property
    def sets(self) -> bool:
        """Whether whole sets of components are placed, all in one cluster."""
        only_one = any(
            c.spread_by_field == "cluster" and c.min_groups == 1 and c.max_groups == 1
            for c in self.placement.spread_constraints or ()
        )
        return self.components > 0 and only_one

    @property
    def needed(self) -> int:
        """Replicas, or sets of components, for which there must be room."""
        return 1 if self.components > 1 and self.sets else self.request.replicas

    def order(self, cluster: ClusterEntry) -> int:
        """0 for a cluster of the term itself, 1.. for one of its overflow groups."""
        if self.term is None:
            return 0
        if selectors.match_cluster(self.term, cluster):
            return 0
        for index, group in enumerate(self.overflow or (), start=1):
            if selectors.match_cluster(group, cluster):
                return index
        return UNORDERED

    def constraint(self, field: str) -> SpreadConstraint | None:
        """The spread constraint on a field; the last one where several name it."""
        found = [c for c in self.placement.spread_constraints or () if c.spread_by_field == field]
        return found[-1] if found else None


def ask(request: BindingRequest, options: Options, term: ClusterAffinityTerm | None = None) -> Question:
    """The question of a request, for one of its affinity terms."""
    placement = request.placement or Placement()
    return Question(
        request=request,
        placement=placement,
        term=term,
        strategy=strategy_of(placement),
        fresh=is_fresh(request),
        current={target.name: target.replicas for target in request.clusters},
        options=options,
    )


def strategy_of(placement: Placement) -> Strategy:
    """How `placement` wants replicas assigned."""
    chosen = placement.replica_scheduling
    if chosen is None or chosen.replica_scheduling_type == "Duplicated":
        return Strategy.DUPLICATED
    if chosen.replica_division_preference == "Aggregated":
        return Strategy.AGGREGATED
    if chosen.replica_division_preference == "Weighted":
        preference = chosen.weight_preference
        return Strategy.DYNAMIC if preference is not None and preference.dynamic_weight else Strategy.STATIC
    return Strategy.UNSUPPORTED


def ignores_spread(placement: Placement) -> bool:
    """Static weights name their clusters themselves; an empty weight preference is none (as in Karmada)."""
    if strategy_of(placement) is not Strategy.STATIC or placement.replica_scheduling is None:
        return False
    preference = placement.replica_scheduling.weight_preference
    return preference is None or bool(preference.static_weight_list)


def is_fresh(request: BindingRequest) -> bool:
    """Whether a rescheduling was triggered after the last decision."""
    triggered, last = request.reschedule_triggered_at, request.last_scheduled_time
    if not triggered or not last:
        return False
    return datetime.fromisoformat(triggered) > datetime.fromisoformat(last)
