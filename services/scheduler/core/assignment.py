"""How many replicas each selected cluster gets."""

from collections.abc import Mapping, Sequence

from services.scheduler.core import division, steady
from services.scheduler.core.failures import Impossible, Unschedulable
from services.scheduler.core.question import Question, Strategy
from services.scheduler.core.spread import Candidate


def assign(question: Question, selected: Sequence[Candidate]) -> dict[str, int]:
    """Replicas by cluster, in order. A cluster to which none fell is left out, unless empty workloads are wanted too.

    Raises:
        Unschedulable: there is not enough room.
        Impossible: the strategy is not supported.
    """
    if not question.divisible:
        return {candidate.name: 0 for candidate in selected}
    if question.overflow is not None:
        replicas = _by_tier(question, selected)
    else:
        replicas = dict(_strategy(question, selected, question.request.replicas))
    if question.options.enable_empty_workload_propagation:
        return {**replicas, **{c.name: 0 for c in selected if c.name not in replicas}}
    return {name: count for name, count in replicas.items() if count > 0}


def _strategy(question: Question, selected: Sequence[Candidate], replicas: int) -> Mapping[str, int]:
    uid = question.request.template.uid
    match question.strategy:
        case Strategy.DUPLICATED:
            return {candidate.name: replicas for candidate in selected}
        case Strategy.STATIC:
            chosen = question.placement.replica_scheduling
            preference = chosen.weight_preference if chosen is not None else None
            rules = preference.static_weight_list or [] if preference is not None else None
            return division.divide(replicas, division.static_weights(rules, [c.cluster for c in selected]), uid)
        case Strategy.DYNAMIC | Strategy.AGGREGATED:
            names = {candidate.name for candidate in selected}
            return steady.by_room(
                replicas,
                {candidate.name: candidate.allocatable for candidate in selected},
                {name: count for name, count in question.current.items() if name in names},
                fresh=question.fresh,
                aggregated=question.strategy is Strategy.AGGREGATED,
                uid=uid,
            )
    raise Impossible(
        "failed to assign replicas: unsupported replica scheduling strategy: "
        "Divided needs a replicaDivisionPreference of Aggregated or Weighted"
    )


def _by_tier(question: Question, selected: Sequence[Candidate]) -> dict[str, int]:
    """The term's own clusters first, then its overflow groups in order, each as far as it has room."""
    tiers: dict[int, list[Candidate]] = {}
    for candidate in selected:
        tiers.setdefault(candidate.order, []).append(candidate)
    left = question.request.replicas
    result: dict[str, int] = {}
    for order in sorted(tiers):
        take = min(left, sum(candidate.available for candidate in tiers[order]))
        if left <= 0:
            break
        for name, replicas in _strategy(question, tiers[order], take).items():
            result[name] = result.get(name, 0) + replicas
        left -= take
    if left > 0:
        raise Unschedulable("failed to assign replicas: Clusters available replicas are not enough to schedule.")
    return result
