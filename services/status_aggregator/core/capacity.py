"""A cluster's status and its row in the cluster table, from the Cluster on the hub and what its agent reports."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from libs.common.api import wellknown
from libs.common.api.cluster import Cluster, ClusterStatus, ResourceModel
from libs.common.api.meta import Condition
from libs.common.messages import CapacityReport, ClusterEntry
from services.status_aggregator.core import conditions

UNLIMITED: Final = str(2**63 - 1)


def is_of(report: CapacityReport, cluster: Cluster, hub_uid: str) -> bool:
    """Whether a report speaks of this life of the cluster."""
    return report.hub_uid == hub_uid and report.cluster_uid == cluster.metadata.uid


def supersedes(new: CapacityReport, known: CapacityReport | None) -> bool:
    """Whether a report is newer than the known one: another life of the agent always is."""
    return known is None or new.agent != known.agent or new.revision >= known.revision


def status(
    present: ClusterStatus | None,
    report: CapacityReport | None,
    ready: Condition | None,
    *,
    frozen: str = "",
    now: str,
) -> ClusterStatus:
    """The whole status of a cluster. What only a healthy cluster can tell stays as it was while it is not.

    Args:
        ready: what Ready says now; None if nothing is known yet.
        frozen: why health is not judged now; empty if it is.
        now: RFC 3339.
    """
    present = present or ClusterStatus()
    wanted = [ready] if ready is not None else []
    facts = report if report is not None and report.ready == "True" else None
    complete = conditions.complete_api_enablements(facts) if facts is not None else None
    wanted += [c for c in (complete, conditions.frozen(frozen) if frozen else None) if c is not None]
    merged = conditions.merged(present.conditions, wanted, now, without=() if frozen else (conditions.FROZEN,))
    changed = msgspec.structs.replace(present, conditions=merged or None)
    if facts is None:
        return changed
    return msgspec.structs.replace(
        changed,
        kubernetes_version=facts.kubernetes_version,
        api_enablements=facts.api_enablements or None,
        node_summary=facts.node_summary if facts.node_summary is not None else present.node_summary,
        resource_summary=facts.resource_summary if facts.resource_summary is not None else present.resource_summary,
    )


def entry(cluster: Cluster, report: CapacityReport | None) -> ClusterEntry:
    """The row of a cluster: what the hub says of it, with the freshest capacity that its agent reported."""
    known = cluster.status or ClusterStatus()
    facts = report if report is not None and report.ready == "True" else None
    fresh = facts.resource_summary if facts is not None else None
    enablements = (facts.api_enablements if facts is not None else None) or known.api_enablements or ()
    return ClusterEntry(
        name=cluster.metadata.name,
        uid=cluster.metadata.uid,
        resource_version=cluster.metadata.resource_version,
        labels=cluster.metadata.labels or {},
        provider=cluster.spec.provider,
        region=cluster.spec.region,
        zones=zones(cluster),
        taints=cluster.spec.taints or [],
        deleting=cluster.metadata.deletion_timestamp is not None,
        sync_mode=cluster.spec.sync_mode,
        ready=_status_of(known.conditions, wellknown.CONDITION_READY),
        api_complete=_status_of(known.conditions, wellknown.CONDITION_COMPLETE_API_ENABLEMENTS) == "True",
        api_enablements={e.group_version: [r.kind for r in e.resources or ()] for e in enablements},
        resource_summary=fresh if fresh is not None else known.resource_summary,
        resource_models=models(cluster.spec.resource_models or ()),
        capacity_revision=f"{facts.agent}/{facts.revision}" if facts is not None else "",
    )


def models(given: Iterable[ResourceModel]) -> list[ResourceModel]:
    """Resource models in order of grade, the first from nothing and the last without limit, whatever they say."""
    ordered = sorted(given, key=lambda model: model.grade)
    if not ordered:
        return []
    lowest = [msgspec.structs.replace(r, min="0") for r in ordered[0].ranges]
    ordered[0] = msgspec.structs.replace(ordered[0], ranges=lowest)
    highest = [msgspec.structs.replace(r, max=UNLIMITED) for r in ordered[-1].ranges]
    ordered[-1] = msgspec.structs.replace(ordered[-1], ranges=highest)
    return ordered


def zones(cluster: Cluster) -> list[str]:
    """`spec.zones`, or the deprecated `spec.zone` alone."""
    return cluster.spec.zones or ([cluster.spec.zone] if cluster.spec.zone else [])


def _status_of(present: Collection[Condition] | None, type_: str) -> str:
    return next((c.status for c in present or () if c.type == type_), "Unknown")
