"""Whether an agent and the stream tell the same story, and what a member holds that the stream does not explain."""

from collections.abc import Iterable, Mapping

import msgspec

from libs.common import names
from libs.common.messages import Beat, InventoryItem, Order, Origin, Removal, TemplateRef, Work
from libs.common.names import OriginKey
from services.policy.core.dispatch import Published

PATIENCE = 2
"""Beats that must tell of a divergence before it is believed: works may have been on their way."""


class Watch(msgspec.Struct):
    """What the beats of one agent have shown so far."""

    agent: str = ""
    differing: int = 0
    compared: bool = False
    applied: str = ""
    """What the agent had applied at the last beat that told of all works, but of some of them unapplied, and"""
    stuck: int = 0
    """at how many beats in a row it was that."""


def judge(watch: Watch, beat: Beat, *, works: int, digest: str, last_seq: int) -> bool:
    """Takes in a beat; whether the member must be looked at.

    A new agent's member is looked at once. After that only when the agent has read all there is and still knows
    something else, at several beats in a row; and once when it stays without having applied the same part of what it
    knows: a member may refuse a work for ever, and the work's status says so.

    Args:
        works: how many works the cluster is to have, and
        digest: the digest over them.
        last_seq: the highest sequence of the stream on the cluster's subjects.
    """
    if watch.agent != beat.agent:
        watch.agent, watch.differing, watch.compared = beat.agent, 0, False
    if not beat.known_digest:
        return False
    agrees = (beat.works, beat.known_digest) == (works, digest)
    watch.differing = 0 if agrees or beat.stream_seq < last_seq else watch.differing + 1
    if watch.differing >= PATIENCE:
        watch.differing = 0
        return True
    return agrees and (_is_stuck(watch, beat) or not watch.compared)


def _is_stuck(watch: Watch, beat: Beat) -> bool:
    waiting = beat.applied_digest not in ("", beat.known_digest)
    if waiting and beat.applied_digest == watch.applied:
        watch.stuck += 1
    else:
        watch.applied, watch.stuck = (beat.applied_digest, 1) if waiting else ("", 0)
    return watch.stuck == PATIENCE


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison of a member with the stream came to."""

    orphans: list[tuple[OriginKey, InventoryItem]]
    """Objects that no work explains."""
    missing: list[OriginKey]
    """Works that the member does not show."""
    outgrown: list[OriginKey]
    """Works that are older than their objects: agents let those be, as after the streams were put back."""
    highest: Order
    """The highest order that any object bears."""


def compare(standing: Mapping[OriginKey, Published], items: Iterable[InventoryItem], *, complete: bool) -> Findings:
    """Compares the works of a cluster with what its member holds under our owner label.

    Args:
        complete: whether what is not among `items` is known to be absent.
    """
    seen: set[OriginKey] = set()
    orphans: list[tuple[OriginKey, InventoryItem]] = []
    outgrown: list[OriginKey] = []
    highest = Order()
    for item in items:
        key = key_of(item.origin)
        work = standing.get(key)
        explained = work is not None and _explains(work, item)
        highest = max(highest, item.order)
        if explained:
            seen.add(key)
        if work is None or not (explained or _removes(work, item)):
            orphans.append((key, item))
        elif item.order > work.order:
            outgrown.append(key)
    missing = [k for k, work in standing.items() if work.op == "apply" and k not in seen] if complete else []
    return Findings(orphans=orphans, missing=missing, outgrown=outgrown, highest=highest)


def key_of(origin: Origin) -> OriginKey:
    """The key of an origin as agents write it on objects."""
    if origin.kind == "Namespace":
        return names.namespace_origin(origin.name)
    return OriginKey(origin.namespace, origin.name)


def removal_of(item: InventoryItem) -> Removal:
    return Removal(
        api_version=item.api_version,
        kind=item.kind,
        namespace=item.namespace,
        name=item.name,
        template_uid=item.template_uid,
    )


def tombstone(hub_uid: str, cluster: str, cluster_uid: str, item: InventoryItem) -> Work:
    """The order to remove an orphan; it gets its order when it goes out."""
    return Work(
        op="delete",
        hub_uid=hub_uid,
        cluster=cluster,
        cluster_uid=cluster_uid,
        origin=item.origin,
        template=TemplateRef(
            api_version=item.api_version,
            kind=item.kind,
            namespace=item.namespace,
            name=item.name,
            uid=item.template_uid,
        ),
        order=Order(),
        api_version=item.api_version,
        kind=item.kind,
        namespace=item.namespace,
        name=item.name,
    )


def _explains(work: Published, item: InventoryItem) -> bool:
    """Whether the object is what the work is about, whether it is to stand or to go."""
    same = (work.api_version, work.kind, work.namespace, work.name) == (
        item.api_version,
        item.kind,
        item.namespace,
        item.name,
    )
    return same and work.template.uid == item.template_uid


def _removes(work: Published, item: InventoryItem) -> bool:
    return removal_of(item) in work.removes
