"""Why each cluster was chosen or not: built beside the decision, from the same figures."""

from collections.abc import Mapping, Sequence

from libs.common.messages import ClusterVerdict, Explanation, StepVerdict
from services.scheduler.core.failures import Failure
from services.scheduler.core.question import Question, Strategy
from services.scheduler.core.spread import Candidate


class Account:
    """What one cycle has found out so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.rejected: dict[str, tuple[str, str]] = {}
        """Cluster -> filter and reason."""
        self.candidates: Sequence[Candidate] = ()
        self.selected: Sequence[Candidate] = ()
        self.replicas: Mapping[str, int] = {}
        self.notes: list[str] = []

    def failed(self, failure: Failure) -> Explanation:
        """The explanation of a cycle that ended without a placement."""
        return self._explanation(str(failure), chosen=False)

    def placed(self) -> Explanation:
        """The explanation of a placement."""
        count = f"{len(self.replicas)} of {len(self.rejected) + len(self.candidates)} clusters"
        replicas = f", {self._strategy()} {self.question.request.replicas} replicas" if self.question.divisible else ""
        return self._explanation(f"{count}{replicas}", chosen=True)

    def _strategy(self) -> str:
        return "each" if self.question.strategy is Strategy.DUPLICATED else f"{self.question.strategy.value}:"

    def _explanation(self, summary: str, *, chosen: bool) -> Explanation:
        verdicts = [
            ClusterVerdict(
                cluster=name,
                chosen=False,
                reason=reason,
                steps=[StepVerdict(step="filter", plugin=plugin, reason=reason)],
            )
            for name, (plugin, reason) in self.rejected.items()
        ]
        selected = {candidate.name for candidate in self.selected}
        for position, candidate in enumerate(self.candidates, start=1):
            verdicts.append(self._verdict(candidate, position, candidate.name in selected, chosen=chosen))
        return Explanation(
            summary=summary,
            affinity_name=self.question.term.affinity_name if self.question.term is not None else "",
            clusters=sorted(verdicts, key=lambda verdict: verdict.cluster),
            notes=self.notes,
        )

    def _verdict(self, candidate: Candidate, position: int, selected: bool, *, chosen: bool) -> ClusterVerdict:
        steps = [StepVerdict(step="score", plugin="ClusterLocality", score=candidate.score)]
        if self.question.divisible:
            unknown = candidate.cluster.resource_summary is None
            reason = "capacity unknown" if unknown and not candidate.available else ""
            steps.append(
                StepVerdict(step="estimate", plugin="ResourceSummary", score=candidate.available, reason=reason)
            )
        taken = chosen and candidate.name in self.replicas
        reason = ""
        if not taken:
            reason = self._against(candidate, position, selected, chosen=chosen)
        return ClusterVerdict(
            cluster=candidate.name,
            chosen=taken,
            replicas=self.replicas.get(candidate.name, 0) if taken else 0,
            reason=reason,
            steps=steps,
        )

    def _against(self, candidate: Candidate, position: int, selected: bool, *, chosen: bool) -> str:
        if not chosen:
            return "no placement was found for the clusters together"
        if not selected:
            return f"not selected: number {position} of {len(self.candidates)} that fit, and fewer are wanted"
        if self.question.request.replicas == 0:
            return "no replica assigned: none is asked for"
        match self.question.strategy:
            case Strategy.STATIC:
                return "no replica assigned: its weight is too small for one, or no rule names it"
            case _ if candidate.cluster.resource_summary is None:
                return "no replica assigned: its capacity is unknown"
            case _ if candidate.allocatable <= 0:
                return "no replica assigned: it has no room for more"
            case Strategy.AGGREGATED:
                return "no replica assigned: fewer clusters hold them all"
        return "no replica assigned: its share is too small for one"
