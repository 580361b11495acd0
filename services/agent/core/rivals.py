"""Two origins that ask for one object: who writes it, and who only looks on.

It happens when a Namespace is synced to every member and selected by a policy too: both works come of one template.
"""

from collections.abc import Iterable

from libs.common.messages import Origin, Work


def yields(work: Work, others: Iterable[Work]) -> bool:
    """Whether another origin writes the object of `work`, of the same template. A binding goes before the sync of a
    Namespace; between two bindings the uid decides, so that both ways of asking give one answer."""
    mine = _rank(work.origin)
    return any(other.template.uid == work.template.uid and _rank(other.origin) > mine for other in others)


def strangers(work: Work, others: Iterable[Work]) -> frozenset[str]:
    """Uids of those other origins whose template is another one."""
    return frozenset(other.origin.uid for other in others if other.template.uid != work.template.uid)


def _rank(origin: Origin) -> tuple[bool, str]:
    return origin.kind != "Namespace", origin.uid
