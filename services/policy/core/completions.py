"""Division of a Job's completions over its members (Karmada: Webster's method, weighted by replicas)."""

from collections.abc import Mapping

from libs.common import names
from libs.common.api.meta import Template
from libs.common.api.work import ResourceBinding


class CompletionsError(ValueError):
    """There is nothing to weigh by, so no cluster gets any completions."""


def divide(manifest: Template, binding: ResourceBinding, replicas: Mapping[str, int], cluster: str) -> Template:
    """`manifest` with the share of `spec.completions` that `cluster` gets; other kinds stay as they are.

    Args:
        replicas: of all clusters that get the Job.

    Raises:
        CompletionsError: every cluster has 0 replicas.
    """
    spec = binding.spec
    strategy = spec.placement.replica_scheduling if spec.placement is not None else None
    divided = strategy is not None and strategy.replica_scheduling_type == "Divided"
    if manifest["kind"] != "Job" or not divided or spec.replicas <= 0:
        return manifest
    completions = (manifest.get("spec") or {}).get("completions")
    if completions is None:
        return manifest
    shares = webster(completions, replicas, tie_break=spec.resource.uid)
    if cluster not in shares:
        raise CompletionsError(f"no completions found for cluster {cluster}")
    return {**manifest, "spec": {**manifest["spec"], "completions": shares[cluster]}}


def webster(seats: int, votes: Mapping[str, int], *, tie_break: str) -> dict[str, int]:
    """Seats by party: one after the other goes to the highest votes/(2*seats+1).

    At a tie the party with fewer seats is first, then the one whose name comes first, or last if the hash of
    `tie_break` is odd. Parties without votes get nothing; without any votes the result is empty.
    """
    if not any(votes.values()):
        return {}
    won = dict.fromkeys(sorted(votes, reverse=bool(tie_break) and names.fnv1a32(tie_break) % 2 == 1), 0)
    for _ in range(seats):
        best = next(iter(won))
        for party in won:
            if _ahead(party, best, votes, won):
                best = party
        won[best] += 1
    return dict(sorted(won.items()))


def _ahead(party: str, best: str, votes: Mapping[str, int], won: Mapping[str, int]) -> bool:
    """Whether `party` has more votes per seat than `best`, compared without fractions."""
    mine, other = votes[party] * (2 * won[best] + 1), votes[best] * (2 * won[party] + 1)
    return mine > other or (mine == other and won[party] < won[best])
