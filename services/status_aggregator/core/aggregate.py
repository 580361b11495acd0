"""What a binding's status says, from what policy expects and what the members report.

A member counts as applied only if it speaks of the work that is expected of it now, or of a later one: a status of an
older order says nothing of the present content, so that the member is *pending*, neither applied nor failed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from libs.common.api import wellknown
from libs.common.api.meta import Condition
from libs.common.api.work import AggregatedStatusItem, BindingStatus
from libs.common.messages import Outcome, WorkStatus
from services.status_aggregator.core import conditions

T = TypeVar("T")

FULL_LIST_CLUSTERS: Final = 100
FULL_LIST_BYTES: Final = 256 * 1024
WORST: Final = 20
"""Above either limit the binding lists only so many of the worst; the whole stays in the stream STATUS."""

SUMMARIZED: Final = "StatusSummarized"
"""Condition of a binding whose aggregatedStatus does not list all clusters; its message has the counts."""

_APPLIED: Final = Condition(
    type=wellknown.CONDITION_FULLY_APPLIED,
    status="True",
    reason="FullyAppliedSuccess",
    message="All works have been successfully applied",
)
_NOT_APPLIED: Final = Condition(
    type=wellknown.CONDITION_FULLY_APPLIED,
    status="False",
    reason="FullyAppliedFailed",
    message="Failed to apply all works, see status.aggregatedStatus for details",
)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One origin across its members, in the order of cluster names."""

    items: list[AggregatedStatusItem] = []
    """What the binding shows."""
    template_items: list[AggregatedStatusItem] = []
    """What the template's status is made from: pending members count with what they last said."""
    pending: frozenset[str] = frozenset()
    """Members that have not yet spoken of the work that is expected of them now."""
    unheard: frozenset[str] = frozenset()
    """Pending members of which the stream knows nothing at all."""
    behind: frozenset[str] = frozenset()
    """Members whose controllers have not seen the object as it is."""
    ahead: bool = False
    """A member speaks of a work that policy has not yet said to expect: policy's word is on its way."""
    settled: bool = True
    """Nothing is on its way: each member has spoken, and what is applied is healthy."""


def supersedes(new: WorkStatus, known: WorkStatus | None) -> bool:
    """Whether a status takes the place of the one known of that origin and cluster: it is not of an older order."""
    return known is None or new.order >= known.order


def outcome_supersedes(new: Outcome, known: Outcome | None) -> bool:
    return known is None or new.order >= known.order


def lean(said: WorkStatus, outcome: Outcome | None) -> WorkStatus:
    """The same status, which shares what it can with policy's word and keeps no message in memory for a part of it."""
    said = msgspec.structs.replace(said, status=said.status.copy())
    if outcome is None:
        return said
    known = outcome.template
    return msgspec.structs.replace(
        said,
        hub_uid=_shared(said.hub_uid, outcome.hub_uid),
        cluster_uid=_shared(said.cluster_uid, outcome.clusters.get(said.cluster)),
        origin=_shared(said.origin, outcome.origin),
        template=_shared(said.template, known),
        api_version=_shared(said.api_version, known.api_version),
        kind=_shared(said.kind, known.kind),
    )


def _shared(own: T, other: T | None) -> T:
    """The other one if it is equal."""
    return other if other is not None and own == other else own


def view(outcome: Outcome, statuses: Mapping[str, WorkStatus]) -> View:
    """Joins what policy expects with what the members said; statuses by cluster name."""
    items, template_items, pending, unheard, behind = [], [], set(), set(), set()
    settled, ahead = True, False
    for cluster in sorted(outcome.expected):
        status = statuses.get(cluster)
        if status is None or not _is_about(status, outcome, cluster):
            status = None
        item = _item(cluster, status)
        template_items.append(item)
        failure = outcome.failures.get(cluster)
        if failure is not None:
            # no work can be made of what is wanted now, whatever was applied before
            items.append(_refused(cluster, failure))
            continue
        if status is None or status.order < outcome.expected[cluster]:
            pending.add(cluster)
            items.append(AggregatedStatusItem(cluster_name=cluster, health="Unknown"))
        else:
            items.append(item)
            settled = settled and (not item.applied or (item.health == "Healthy" and not status.behind))
        if status is None:
            unheard.add(cluster)
        else:
            ahead = ahead or status.order > outcome.expected[cluster]
            behind.update([cluster] if status.behind else [])
    return View(
        items=items,
        template_items=template_items,
        pending=frozenset(pending),
        unheard=frozenset(unheard),
        behind=frozenset(behind),
        ahead=ahead,
        settled=settled and not pending and not ahead,
    )


def is_lost(seen: View, present: BindingStatus) -> bool:
    """Whether the binding shows as applied what the stream knows nothing of: the bus has lost it, and it will come."""
    return any(item.applied and item.cluster_name in seen.unheard for item in present.aggregated_status or ())


def binding_status(outcome: Outcome, seen: View, present: BindingStatus | None, now: str) -> BindingStatus:
    """The whole status of a binding.

    Args:
        present: its status as it is; conditions that do not change keep their times.
        now: RFC 3339.
    """
    present = present or BindingStatus()
    listed, summary = _listed(seen.items)
    wanted = [c for c in (outcome.scheduled, _fully_applied(seen.items, present), summary) if c is not None]
    kept = [
        c
        for c in present.conditions or ()
        if c.type not in (wellknown.CONDITION_FULLY_APPLIED, SUMMARIZED)
        and (c.type != wellknown.CONDITION_SCHEDULED or outcome.scheduled is None)
    ]
    known = {c.type: c for c in present.conditions or ()}
    merged = [*kept, *(conditions.since(c, known.get(c.type), now) for c in wanted)]
    return BindingStatus(
        scheduler_observed_generation=outcome.scheduler_observed_generation or present.scheduler_observed_generation,
        scheduler_observing_affinity_name=outcome.affinity_name,
        last_scheduled_time=outcome.last_scheduled_time or present.last_scheduled_time,
        conditions=merged or None,
        aggregated_status=listed or None,
    )


def counts(items: Iterable[AggregatedStatusItem]) -> dict[str, int]:
    """How many clusters are in each state, worst first."""
    result = dict.fromkeys(_RANKS, 0)
    for item in items:
        result[_state(item)] += 1
    return result


_RANKS: Final = ("failed", "pending", "unhealthy", "unknown", "healthy")


def _state(item: AggregatedStatusItem) -> str:
    if not item.applied:
        return "failed" if item.applied_message else "pending"
    return (item.health or "Unknown").lower()


def _is_about(status: WorkStatus, outcome: Outcome, cluster: str) -> bool:
    """Whether a status speaks of this origin, this template and this life of the cluster."""
    return (
        status.hub_uid == outcome.hub_uid
        and status.origin.uid == outcome.origin.uid
        and status.template.uid == outcome.template.uid
        and status.cluster_uid == outcome.clusters.get(cluster)
    )


def _item(cluster: str, status: WorkStatus | None) -> AggregatedStatusItem:
    if status is None or not status.applied:
        if status is not None and status.applied is False:
            return _refused(cluster, status.message)
        return AggregatedStatusItem(cluster_name=cluster, health="Unknown")
    reflected: Any = msgspec.json.decode(status.status)
    return AggregatedStatusItem(cluster_name=cluster, status=reflected, applied=True, health=status.health)


def _refused(cluster: str, why: str) -> AggregatedStatusItem:
    message = f"Failed to apply all manifests (0/1): {why}"
    return AggregatedStatusItem(cluster_name=cluster, applied_message=message, health="Unknown")


def _fully_applied(items: list[AggregatedStatusItem], present: BindingStatus) -> Condition | None:
    """None as long as there never was a work: then there is nothing to be said."""
    if items:
        return _APPLIED if all(item.applied for item in items) else _NOT_APPLIED
    was_there = any(c.type == wellknown.CONDITION_FULLY_APPLIED for c in present.conditions or ())
    return _NOT_APPLIED if was_there else None


def _listed(items: list[AggregatedStatusItem]) -> tuple[list[AggregatedStatusItem], Condition | None]:
    """The items to show, and where these are not all, the condition that says how many there are of each state."""
    if len(items) <= FULL_LIST_CLUSTERS and len(msgspec.json.encode(items)) <= FULL_LIST_BYTES:
        return items, None
    worst = sorted(items, key=lambda item: (_RANKS.index(_state(item)), item.cluster_name))[:WORST]
    while len(worst) > 1 and len(msgspec.json.encode(worst)) > FULL_LIST_BYTES:
        worst.pop()
    states = ", ".join(f"{count} {state}" for state, count in counts(items).items() if count)
    message = f"{len(items)} clusters: {states}; aggregatedStatus lists the {len(worst)} worst"
    condition = Condition(type=SUMMARIZED, status="True", reason="ManyClusters", message=message)
    return sorted(worst, key=lambda item: item.cluster_name), condition
