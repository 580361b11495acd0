"""The health of clusters: conditions, the taints that follow from them, and when silence means something.

Reasons, messages and thresholds are Karmada's.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from libs.common.api import wellknown
from libs.common.api.meta import Condition, Taint
from libs.common.messages import CapacityReport

NO_SCHEDULE: Final = "NoSchedule"
FROZEN: Final = "HeartbeatsFrozen"
"""Condition of a Cluster whose health is not judged, because the bus itself is in doubt."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """How long an observation must last before a cluster's health flips."""

    success: timedelta
    failure: timedelta


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """The last observation of a cluster's health, and since when it has been the same."""

    ready: Condition
    since: datetime
    first: bool = False
    """Nothing was observed before it: it is taken as it is."""


def since(condition: Condition, known: Condition | None, now: str) -> Condition:
    """The condition with the time of its last change: that of the known one if the status is the same.

    A time that the condition brings itself stands only if the status changes.
    """
    if known is not None and known.status == condition.status and known.last_transition_time is not None:
        time = known.last_transition_time
    else:
        time = condition.last_transition_time or now
    return msgspec.structs.replace(condition, last_transition_time=time)


# ---- Ready -----------------------------------------------------------------------------------------------------------


def reported(report: CapacityReport) -> Condition:
    return Condition(
        type=wellknown.CONDITION_READY,
        status=report.ready,
        reason=report.ready_reason,
        message=report.ready_message,
    )


def observe(before: Observed | None, ready: Condition, now: datetime) -> Observed:
    """Takes in an observation; its age starts anew when the status differs from the one before."""
    if before is None:
        return Observed(ready=ready, since=now, first=True)
    if before.ready.status != ready.status:
        return Observed(ready=ready, since=now)
    return Observed(ready=ready, since=before.since, first=before.first)


def ready(observed: Observed, present: Condition | None, thresholds: Thresholds, now: datetime) -> Condition:
    """What Ready should say: a flip between True and anything else shows only after it has lasted.

    The caller looks again at `flips_at` if the answer is still the present condition.
    """
    at = flips_at(observed, present, thresholds)
    return observed.ready if present is None or at is None or now >= at else present


def flips_at(observed: Observed, present: Condition | None, thresholds: Thresholds) -> datetime | None:
    """When the observed status takes the place of the present one; None if that needs no waiting."""
    if present is None or observed.first or (present.status == "True") == (observed.ready.status == "True"):
        return None
    return observed.since + (thresholds.success if observed.ready.status == "True" else thresholds.failure)


def silent(present: Condition | None) -> Condition:
    """What Ready says of a cluster that is no longer heard of."""
    if present is None:
        reason, message = "ClusterStatusNeverUpdated", "Cluster status controller never posted cluster status."
    else:
        reason, message = "ClusterStatusUnknown", "Cluster status controller stopped posting cluster status."
    return Condition(type=wellknown.CONDITION_READY, status="Unknown", reason=reason, message=message)


# ---- API enablements -------------------------------------------------------------------------------------------------


def complete_api_enablements(report: CapacityReport) -> Condition | None:
    """Whether the list of APIs is whole; None if the report does not say."""
    answers: dict[str, tuple[Literal["True", "False"], str]] = {
        "Complete": ("True", "collected complete APIEnablements from the cluster"),
        "Partial": (
            "False",
            f"might collect partial APIEnablements({len(report.api_enablements)}) from the cluster",
        ),
        "Empty": ("False", "collected empty APIEnablements from the cluster"),
    }
    if report.api_complete not in answers:
        return None
    status, message = answers[report.api_complete]
    return Condition(
        type=wellknown.CONDITION_COMPLETE_API_ENABLEMENTS, status=status, reason=report.api_complete, message=message
    )


def merged(
    present: Sequence[Condition] | None, wanted: Collection[Condition], now: str, *, without: Collection[str] = ()
) -> list[Condition]:
    """The present conditions with the wanted ones in their place, or behind them, less some types."""
    known = {c.type: c for c in present or ()}
    result = {type_: c for type_, c in known.items() if type_ not in without}
    result.update({c.type: since(c, known.get(c.type), now) for c in wanted})
    return list(result.values())


def health(present: Sequence[Condition] | None) -> dict[str, str]:
    """What is said of a cluster's health, by type of condition."""
    return {c.type: c.status for c in present or () if c.type in (wellknown.CONDITION_READY, FROZEN)}


def of_type(present: Sequence[Condition] | None, type_: str) -> Condition | None:
    return next((c for c in present or () if c.type == type_), None)


# ---- silence ---------------------------------------------------------------------------------------------------------


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Which clusters are silent, and whether that may be held against them."""

    silent: frozenset[str] = frozenset()
    """Clusters that fell silent and may be judged."""
    doubtful: frozenset[str] = frozenset()
    """Clusters that fell silent and are not judged now."""
    frozen: str = ""
    """Why they are not; empty if there are none."""


def judge(
    heard: Mapping[str, datetime],
    unknown: Collection[str],
    *,
    bus_good_since: datetime | None,
    now: datetime,
    grace: Mapping[str, timedelta],
) -> Verdict:
    """Tells clusters that fell silent from a bus that did.

    The bus is proven good by round trips of our own over the whole time of silence, and by the beats of others: if more
    clusters fell silent than still speak, none of them is judged. A fleet of one has no others.

    Args:
        heard: when each cluster was last heard of, or when listening for it began.
        unknown: clusters that were judged silent before; they are no witnesses of what happens now.
        bus_good_since: since when all round trips have succeeded; None while they fail.
        grace: how long each cluster may be silent.
    """
    quiet = {name for name, at in heard.items() if now - at > grace[name]}
    fresh = quiet - set(unknown)
    speaking = len(heard) - len(quiet)
    if fresh and bus_good_since is None:
        return Verdict(silent=frozenset(quiet - fresh), doubtful=frozenset(fresh), frozen="the bus does not answer")
    if len(fresh) > 1 and len(fresh) > speaking:
        return Verdict(
            silent=frozenset(quiet - fresh),
            doubtful=frozenset(fresh),
            frozen=f"heartbeats of {len(fresh)} of {len(fresh) + speaking} clusters stopped together",
        )
    proven = {name for name in fresh if bus_good_since is not None and now - bus_good_since > grace[name]}
    return Verdict(
        silent=frozenset(quiet - fresh | proven),
        doubtful=frozenset(fresh - proven),
        frozen="the bus answers again, but has not done so for long" if fresh - proven else "",
    )


def frozen(why: str) -> Condition:
    message = f"{why}; conditions are kept as they are until the bus is proven good"
    return Condition(type=FROZEN, status="True", reason="BusInDoubt", message=message)


# ---- taints ----------------------------------------------------------------------------------------------------------

_TAINTS: Final[dict[str, str]] = {
    "False": wellknown.NOT_READY_TAINT,
    "Unknown": wellknown.UNREACHABLE_TAINT,
    "": wellknown.NOT_READY_TAINT,
}
"""By the status of Ready ("" if there is none); a cluster that is ready has neither."""


def taints(present: Sequence[Taint], ready: Condition | None, now: str) -> list[Taint]:
    """The taints of a cluster with those that follow from its health; equal to `present` if nothing changes."""
    wanted = _TAINTS.get(ready.status if ready is not None else "")
    unwanted = {wellknown.NOT_READY_TAINT, wellknown.UNREACHABLE_TAINT} - {wanted}
    if ready is None:
        unwanted = set()
    kept = [t for t in present if t.effect != NO_SCHEDULE or t.key not in unwanted]
    if wanted is not None and not any(t.key == wanted and t.effect == NO_SCHEDULE for t in kept):
        kept.append(Taint(key=wanted, effect=NO_SCHEDULE, time_added=now))
    return kept


def taints_message(present: Sequence[Taint]) -> str:
    """The text of the event about a change of taints."""
    if not present:
        return "Taint cluster succeed: cluster now does not have taints."
    listed = ",".join(f"{{Key:{t.key},{f'Value:{t.value},' if t.value else ''}Effect:{t.effect}}}" for t in present)
    return f"Taint cluster succeed: cluster now has taints([{listed}])."
