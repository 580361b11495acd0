"""The decision: a request and a snapshot of the clusters in, a placement and its explanation out. Nothing else counts.

Each cycle filters, scores, selects and assigns; where the placement has several affinity terms they are tried in order,
from the one in use on.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from libs.common.api.work import TargetComponent
from libs.common.messages import BindingRequest, ClusterEntry, Explanation, Placed, PlacedCluster
from services.scheduler.core import assignment, estimate, failures, filters, question, spread
from services.scheduler.core.explanation import Account
from services.scheduler.core.failures import Failure
from services.scheduler.core.options import DEFAULT, Options
from services.scheduler.core.question import Question
from services.scheduler.core.spread import Candidate

LOCALITY_SCORE: Final = 100
"""What speaks for a cluster where the template runs already."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one cycle came to."""

    replicas: dict[str, int] = {}
    """By chosen cluster, in order."""
    failure: Failure | None = None
    explanation: Explanation


def decide(request: BindingRequest, clusters: Sequence[ClusterEntry], options: Options = DEFAULT) -> Placed:
    """The scheduler's answer to a request.

    Args:
        clusters: all there are, deleting ones included, in any order.
    """
    snapshot = sorted(clusters, key=lambda cluster: cluster.name)
    terms = request.placement.cluster_affinities if request.placement is not None else None
    if not terms:
        return _answer(request, snapshot, cycle(question.ask(request, options), snapshot))
    names = [term.affinity_name for term in terms]
    start = names.index(request.affinity_name) if request.affinity_name in names else 0
    first: Outcome | None = None
    notes: list[str] = []
    for term in terms[0 if question.is_fresh(request) else start :]:
        outcome = cycle(question.ask(request, options, term), snapshot)
        if outcome.failure is None:
            return _answer(request, snapshot, outcome, notes, term.affinity_name)
        notes.append(f"affinity {term.affinity_name}: {outcome.failure}")
        first = first or outcome
    assert first is not None
    return _answer(request, snapshot, first, notes, request.affinity_name)


def cycle(asked: Question, snapshot: Sequence[ClusterEntry]) -> Outcome:
    """One pass over the clusters, for one affinity term."""
    account = Account(asked)
    try:
        _cycle(asked, snapshot, account)
    except Failure as failure:
        return Outcome(failure=failure, explanation=account.failed(failure))
    return Outcome(replicas=dict(account.replicas), explanation=account.placed())


def _cycle(asked: Question, snapshot: Sequence[ClusterEntry], account: Account) -> None:
    fitting = []
    for cluster in snapshot:
        if cluster.deleting:
            continue
        against = filters.rejection(asked, cluster)
        if against is None:
            fitting.append(cluster)
        else:
            account.rejected[cluster.name] = against
    if not fitting:
        raise failures.unfit(len(snapshot), {name: reason for name, (_, reason) in account.rejected.items()})
    account.candidates = spread.ranked([_candidate(asked, cluster) for cluster in fitting])
    account.selected, note = spread.select(asked, account.candidates)
    account.notes += [note] if note else []
    if not account.selected:
        raise failures.Impossible("failed to assign replicas: no clusters available to schedule")
    account.replicas = assignment.assign(asked, account.selected)


def _candidate(asked: Question, cluster: ClusterEntry) -> Candidate:
    more = estimate.additional(asked, cluster)
    return Candidate(
        cluster=cluster,
        score=LOCALITY_SCORE if cluster.name in asked.current and asked.options.has("ClusterLocality") else 0,
        allocatable=more,
        available=more + asked.current.get(cluster.name, 0),
        order=asked.order(cluster),
    )


def _answer(
    request: BindingRequest,
    snapshot: Sequence[ClusterEntry],
    outcome: Outcome,
    notes: Sequence[str] = (),
    affinity_name: str = "",
) -> Placed:
    uids = {cluster.name: cluster.uid for cluster in snapshot}
    explanation = outcome.explanation
    components = _components(request)
    return Placed(
        hub_uid=request.hub_uid,
        namespace=request.namespace,
        name=request.name,
        template_uid=request.template.uid,
        order=request.order,
        digest=request.digest,
        clusters=[
            PlacedCluster(name=name, uid=uids[name], replicas=count, components=components)
            for name, count in outcome.replicas.items()
        ],
        affinity_name=affinity_name,
        failure=outcome.failure.kind if outcome.failure is not None else None,
        message=str(outcome.failure) if outcome.failure is not None else "",
        explanation=msgspec.structs.replace(explanation, notes=[*notes, *explanation.notes]),
    )


def _components(request: BindingRequest) -> list[TargetComponent] | None:
    """What each chosen cluster gets of a template of several components: a whole set, where sets are counted."""
    if len(request.components or ()) <= 1 or not question.ask(request, DEFAULT).sets:
        return None
    return [TargetComponent(name=c.name, replicas=c.replicas) for c in request.components or ()]
