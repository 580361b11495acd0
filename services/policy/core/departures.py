"""Clusters that are being taken out of the fleet, and what that means for a binding that names them.

By default a member that leaves keeps what it runs, and whether it keeps it or not, nothing is placed elsewhere for it.
Its Cluster object may say otherwise about either, by annotations, and so `kubectl delete cluster` and `argosy unjoin`
mean the same.
"""

from collections.abc import Mapping

import msgspec

from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.work import ResourceBinding
from libs.common.messages import Order
from services.policy.core import leaving, staleness
from services.policy.core.keys import parsed, with_changes


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """How one cluster leaves: whether its workloads stay there, and whether they are placed elsewhere."""

    keep: bool
    reschedule: bool


GONE = Departure(keep=True, reschedule=False)
"""A Cluster that vanished without a word: the least that can be done is nothing."""


def departure(cluster: Cluster | None) -> Departure | None:
    """How a cluster leaves; None for one that stays."""
    if cluster is None:
        return GONE
    if cluster.metadata.deletion_timestamp is None:
        return None
    notes = cluster.metadata.annotations or {}
    keep = notes.get(wellknown.ON_DELETE_ANNOTATION) != wellknown.ON_DELETE_REMOVE
    return Departure(keep=keep, reschedule=notes.get(wellknown.RESCHEDULE_ANNOTATION) == "true")


def without_departed(
    binding: ResourceBinding, clusters: Mapping[str, Cluster], uids: Mapping[str, str], order: Order
) -> ResourceBinding:
    """The binding without the clusters that leave and are not replaced.

    What takes every cluster that fits needs no such care: the scheduler's next answer is that without the cluster.

    Args:
        uids: of the Clusters that exist, by name.
        order: of this decision.
    """
    if staleness.takes_all(binding):
        return binding
    targets = binding.spec.clusters or []
    leavers = {t.name: d for t in targets if (d := departure(clusters.get(t.name))) is not None and not d.reschedule}
    return _dropped(binding, leavers, uids, order) if leavers else binding


def released_from_departed(
    binding: ResourceBinding, clusters: Mapping[str, Cluster], uids: Mapping[str, str], order: Order
) -> ResourceBinding:
    """The same for a binding that no policy decides about any more: every cluster that leaves is dropped."""
    targets = binding.spec.clusters or []
    leavers = {t.name: d for t in targets if (d := departure(clusters.get(t.name))) is not None}
    return _dropped(binding, leavers, uids, order) if leavers else binding


def _dropped(
    binding: ResourceBinding, leavers: Mapping[str, Departure], uids: Mapping[str, str], order: Order
) -> ResourceBinding:
    notes = binding.metadata.annotations or {}
    targets = binding.spec.clusters or []
    staying = [t for t in targets if t.name not in leavers]
    left = leaving.after(
        leaving.parse(notes.get(wellknown.LEAVING_ANNOTATION)),
        dropped=leavers,
        chosen=[t.name for t in staying],
        uids=uids,
        order=order,
        keep=[name for name, d in leavers.items() if d.keep],
    )
    unjoined = parse_unjoined(notes.get(wellknown.UNJOINED_ANNOTATION))
    unjoined |= {t.name: t.replicas for t in targets if t.name in leavers}
    changes = {
        wellknown.LEAVING_ANNOTATION: leaving.render(left),
        wellknown.UNJOINED_ANNOTATION: msgspec.json.encode(dict(sorted(unjoined.items()))).decode(),
    }
    return msgspec.structs.replace(
        binding,
        metadata=msgspec.structs.replace(binding.metadata, annotations=with_changes(notes, changes)),
        spec=msgspec.structs.replace(binding.spec, clusters=staying or None),
    )


_decode_unjoined = msgspec.json.Decoder(dict[str, int]).decode


def parse_unjoined(annotation: str | None) -> dict[str, int]:
    """Replicas by cluster that left and was not replaced; none when a hand has written something else there."""
    return parsed(annotation, _decode_unjoined) or {}
