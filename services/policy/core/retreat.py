"""Leaving every cluster: for an origin that is being deleted, or is gone from the hub."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.messages import Gone, Order, Origin, TemplateRef
from services.policy.core import dispatch
from services.policy.core.dispatch import Desired, Published
from services.policy.core.leaving import Leaving


def is_forsaken(cluster: Cluster, before: datetime) -> bool:
    """Whether a cluster is to leave and was last ready before that time; one that never was, since it is to leave."""
    if cluster.metadata.deletion_timestamp is None:
        return False
    conditions = (cluster.status.conditions or ()) if cluster.status is not None else ()
    ready = next((c for c in conditions if c.type == wellknown.CONDITION_READY), None)
    if ready is not None and ready.status == "True":
        return False
    since = _time(ready.last_transition_time) if ready is not None else None
    return (since or _time(cluster.metadata.deletion_timestamp) or before) <= before


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def remaining(
    clusters: Iterable[str],
    standing: Mapping[str, Published],
    gone: Mapping[str, Gone],
    *,
    uids: Mapping[str, str],
    dead: Collection[str],
    kept: Collection[str],
    order: Order,
) -> dict[str, Leaving]:
    """What still has to be left, each cluster since the work that stands for it.

    Args:
        clusters: where something of the origin may be.
        uids: of the Clusters that exist; one that is gone has nothing to be left.
        dead: clusters whose word is not waited for.
        kept: clusters that leave the fleet and keep what they run.
        order: a fresh one, for clusters of which no work stands.
    """
    left: dict[str, Leaving] = {}
    for name in clusters:
        before = standing.get(name)
        if name not in uids or name in dead:
            continue
        if before is None:
            left[name] = Leaving(uid=uids[name], order=order, keep=name in kept)
        elif before.cluster_uid == uids[name] and not dispatch.finished(before, gone.get(name)):
            left[name] = Leaving(uid=before.cluster_uid, order=before.order, keep=name in kept)
    return left


def desired(
    hub_uid: str,
    origin: Origin,
    template: TemplateRef,
    left: Mapping[str, Leaving],
    *,
    uids: Mapping[str, str],
    preserve: bool,
) -> Desired:
    """An origin that wants nothing but to be gone from the clusters in `left`."""
    return Desired(
        hub_uid=hub_uid, origin=origin, template=template, targets={}, leaving=left, uids=uids, preserve=preserve
    )
