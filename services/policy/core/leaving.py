"""Clusters that a binding is leaving: named on it in the write that drops them, cleared when the agent says gone.

The annotation is what makes a removal durable: whoever dies after that write, the next one finds it and goes on.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from libs.common.messages import Gone, Order
from services.policy.core.keys import parsed


class Leaving(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cluster being left: the Cluster's uid, since when (as an order), and whether what runs there stays."""

    uid: str
    order: Order
    keep: bool = False


_decode = msgspec.json.Decoder(dict[str, Leaving]).decode


def parse(annotation: str | None) -> dict[str, Leaving]:
    """The annotation's clusters; none when a hand has written something else.

    What had been written there is not lost with that: a cluster with a work that nothing explains is left anew.
    """
    return parsed(annotation, _decode) or {}


def render(leaving: Mapping[str, Leaving]) -> str | None:
    """The annotation's text; None (no annotation) when no cluster is being left."""
    return msgspec.json.encode(dict(sorted(leaving.items()))).decode() if leaving else None


def after(
    leaving: Mapping[str, Leaving],
    *,
    dropped: Iterable[str],
    chosen: Iterable[str],
    uids: Mapping[str, str],
    order: Order,
    keep: Collection[str] = (),
) -> dict[str, Leaving]:
    """What is being left once `dropped` go and `chosen` stay or come.

    Args:
        uids: of the Clusters that exist; a cluster that is gone altogether has nothing to be left.
        order: of this decision.
        keep: clusters whose workloads stay where they are, released.
    """
    chosen = frozenset(chosen)
    result = {name: entry for name, entry in leaving.items() if name not in chosen and uids.get(name) == entry.uid}
    for name in dropped:
        if name not in chosen and name not in result and name in uids:
            result[name] = Leaving(uid=uids[name], order=order, keep=name in keep)
    return result


def cleared(leaving: Mapping[str, Leaving], gone: Mapping[str, Gone], uids: Mapping[str, str]) -> dict[str, Leaving]:
    """What is still being left, given what agents report gone and which Clusters still exist."""
    return {
        name: entry
        for name, entry in leaving.items()
        if uids.get(name) == entry.uid and not covers(gone.get(name), entry)
    }


def covers(gone: Gone | None, entry: Leaving) -> bool:
    """Whether the agent's word is for that Cluster and not older than the order to leave."""
    return gone is not None and gone.cluster_uid == entry.uid and gone.order >= entry.order
