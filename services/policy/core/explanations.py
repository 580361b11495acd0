"""The scheduler's explanation in short, for an annotation that must not grow with the number of clusters."""

from typing import Final

import msgspec

from libs.common.messages import ClusterVerdict, Explanation, Placed

_SHOWN: Final = 20
_LONGEST: Final = 200


def short(answer: Placed) -> str | None:
    """The text of an Explanation without its steps and with few clusters, the chosen ones first; the whole is in the
    event. None if the scheduler explained nothing.
    """
    whole = answer.explanation
    if not whole.clusters and not whole.summary:
        return None
    verdicts = sorted(whole.clusters, key=lambda v: not v.chosen)
    notes = [f"{len(verdicts) - _SHOWN} more clusters are not listed"] if len(verdicts) > _SHOWN else []
    shown = Explanation(
        summary=whole.summary[:_LONGEST],
        affinity_name=whole.affinity_name,
        clusters=[_verdict(v) for v in verdicts[:_SHOWN]],
        notes=notes,
    )
    return msgspec.json.encode(shown).decode()


def _verdict(verdict: ClusterVerdict) -> ClusterVerdict:
    return msgspec.structs.replace(verdict, reason=verdict.reason[:_LONGEST], steps=[])
