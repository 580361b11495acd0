"""Selecting clusters by the spread constraints: how many clusters and regions at least and at most."""

from collections.abc import Sequence

import msgspec

from libs.common.messages import ClusterEntry
from services.scheduler.core.failures import Impossible
from services.scheduler.core.question import Question, Strategy, ignores_spread


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster that passed the filters, and what speaks for it."""

    cluster: ClusterEntry
    score: int
    allocatable: int
    """Replicas that fit beside what runs there."""
    available: int
    """The same and what runs there now."""
    order: int = 0
    """Which group of the affinity term it belongs to."""

    @property
    def name(self) -> str:
        return self.cluster.name


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best first: by group of the affinity term, score, room, name."""
    return sorted(candidates, key=_rank)


def select(question: Question, candidates: Sequence[Candidate]) -> tuple[list[Candidate], str]:
    """The clusters that the constraints leave, in order, and a word on how many they want.

    Raises:
        Impossible: too few clusters or regions, or too little room in as many as are allowed.
    """
    best = ranked(candidates)
    if not question.placement.spread_constraints or ignores_spread(question.placement):
        return best, ""
    if question.constraint("region") is not None:
        return _by_region(question, best)
    if question.constraint("cluster") is not None:
        return _by_cluster(question, best)
    raise _impossible("just support cluster and region spread constraint")


def _impossible(text: str) -> Impossible:
    return Impossible(f"failed to select clusters: {text}")


def _by_cluster(question: Question, best: list[Candidate]) -> tuple[list[Candidate], str]:
    constraint = question.constraint("cluster")
    assert constraint is not None
    if len(best) < constraint.min_groups:
        raise _impossible("the number of feasible clusters is less than spreadConstraint.MinGroups")
    need = min(len(best), constraint.max_groups)
    note = f"spread by cluster: {need} of {len(best)} selected (minGroups {constraint.min_groups}, maxGroups {need})"
    if question.strategy is Strategy.DUPLICATED:
        return best[:need], note
    return _with_room(best, need, question.needed), note


def _with_room(best: list[Candidate], need: int, replicas: int) -> list[Candidate]:
    """The first `need`; from the last one on, each is exchanged for the one with most room until all replicas fit."""
    chosen, rest = best[:need], best[need:]
    for i in reversed(range(len(chosen))):
        if sum(c.available for c in chosen) >= replicas:
            break
        roomiest = max(range(len(rest)), key=lambda j: rest[j].available, default=None)
        if roomiest is not None and rest[roomiest].available > chosen[i].available:
            chosen[i], rest[roomiest] = rest[roomiest], chosen[i]
    if not chosen or sum(c.available for c in chosen) < replicas:
        raise _impossible(f"no enough resource when selecting {need} clusters")
    return chosen


class _Region(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    clusters: list[Candidate]
    weight: int

    @property
    def value(self) -> int:
        return len(self.clusters)


def _by_region(question: Question, best: list[Candidate]) -> tuple[list[Candidate], str]:
    constraint, by_cluster = question.constraint("region"), question.constraint("cluster")
    assert constraint is not None
    fewest, most = (by_cluster.min_groups, by_cluster.max_groups) if by_cluster is not None else (0, 0)
    members: dict[str, list[Candidate]] = {}
    for candidate in best:
        if candidate.cluster.region:
            members.setdefault(candidate.cluster.region, []).append(candidate)
    if len(members) < constraint.min_groups:
        raise _impossible("the number of feasible region is less than spreadConstraint.MinGroups")
    regions = [
        _Region(name=name, clusters=group, weight=_weight(question, group, constraint.min_groups, fewest))
        for name, group in members.items()
    ]
    chosen = _best_path(regions, constraint.min_groups, constraint.max_groups, fewest)
    heads = [region.clusters[0] for region in chosen]
    others = ranked([c for region in chosen for c in region.clusters[1:]])
    total = min(len(heads) + len(others), most)
    return heads + others[
        : max(0, total - len(heads))
    ], f"spread by region: {', '.join(r.name for r in chosen)} selected"


def _weight(question: Question, group: list[Candidate], regions: int, clusters: int) -> int:
    """How much speaks for a region: above all the room it has for its share, then the scores of its clusters."""
    replicas = question.needed
    if question.strategy is Strategy.DUPLICATED:
        whole = [c for c in group if c.available >= replicas]
        return len(whole) * 1000 + sum(c.score for c in whole) // len(whole) if whole else 0
    share = -(-replicas // max(1, regions))
    at_least = max(clusters, regions)
    room = scores = count = 0
    for candidate in group:
        room += candidate.available
        scores += candidate.score
        count += 1
        if count >= at_least and room >= share:
            break
    if room < share:
        return room * 1000 + scores // len(group)
    return share * 1000 + scores // count


def _best_path(regions: list[_Region], fewest: int, most: int, clusters: int) -> list[_Region]:
    """The combination of regions with the highest weight, then with most clusters, then the one found first.

    A combination that is the beginning of a better one takes its place: fewer regions do.
    """
    ordered = sorted(regions, key=lambda r: (r.value, -r.weight, r.name))
    paths = [sorted(path, key=lambda r: (-r.weight, r.name)) for path in _paths(ordered, fewest, most, clusters)]
    if not paths:
        raise _impossible("the number of clusters is less than the cluster spreadConstraint.MinGroups")
    # the sort is stable: paths stay in the order in which they were found
    paths.sort(key=lambda path: (-sum(r.weight for r in path), -sum(r.value for r in path)))
    best = paths[0]
    for path in paths[1:]:
        if len(path) < len(best) and best[: len(path)] == path:
            best = path
    return best


def _paths(regions: list[_Region], fewest: int, most: int, clusters: int) -> list[list[_Region]]:
    """All combinations, in order, with enough regions and clusters; one that is enough is not extended."""
    if len(regions) == fewest:
        return [regions] if fewest <= most and sum(r.value for r in regions) >= clusters else []
    found: list[list[_Region]] = []
    rest = [sum(r.value for r in regions[start:]) for start in range(len(regions) + 1)]

    def extend(path: list[_Region], value: int, start: int) -> None:
        if len(path) >= fewest and value >= clusters and path and len(path) <= most:
            found.append(list(path))
            return
        if len(path) >= most or value + rest[start] < clusters:
            return
        for index in range(start, len(regions)):
            extend([*path, regions[index]], value + regions[index].value, index + 1)

    extend([], 0, 0)
    return found


def _rank(candidate: Candidate) -> tuple[int, int, int, str]:
    return (candidate.order, -candidate.score, -candidate.available, candidate.name)
