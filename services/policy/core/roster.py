"""What decisions depend on in the clusters, kept up to date cluster by cluster.

Digests over all clusters are sums, to which each cluster adds its own: a change of one costs the same in any fleet.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from libs.common.api.cluster import Cluster
from services.policy.core import departures, staleness

Served = tuple[str, str]
"""An API version and a kind in it."""

T = TypeVar("T")

_MODULUS = 1 << 128


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of one cluster touched."""

    facts: bool = False
    """What any decision may depend on."""
    capacity: bool = False
    """What those depend on that found no place."""
    kinds: frozenset[Served] = frozenset()
    """What the cluster serves now and did not, or the other way round."""


class _Entry(msgspec.Struct, frozen=True):
    facts: int
    capacity: int
    served: Mapping[Served, int]
    version: int


_ABSENT = _Entry(0, 0, {}, 0)


class Roster:
    """All clusters. What it shows is never changed, only replaced: who holds it has the fleet of one moment."""

    def __init__(self) -> None:
        self.clusters: Mapping[str, Cluster] = {}
        self.uids: Mapping[str, str] = {}
        self.staying: Mapping[str, str] = {}
        """Uids of those that are not being deleted."""
        self.leaving: frozenset[str] = frozenset()
        """Those that are being deleted, and"""
        self.kept: frozenset[str] = frozenset()
        """those of them that keep what they run."""
        self._entries: dict[str, _Entry] = {}
        self._facts = 0
        self._capacity = 0
        self._served: Counter[Served] = Counter()
        self.served: Mapping[Served, str] = {}
        """Digests over the clusters that serve a kind."""
        self.revision = ""
        """resourceVersion of the last change that moved facts or kinds."""

    @property
    def facts(self) -> str:
        """Digest over what any decision may depend on."""
        return _text(self._facts)

    @property
    def capacity(self) -> str:
        """The same with what those depend on that found no place."""
        return _text(self._facts + self._capacity)

    def put(self, name: str, cluster: Cluster | None) -> Moved:
        """Takes in how a cluster looks now; None when it is gone."""
        self._show(name, cluster)
        before = self._entries.pop(name, _ABSENT)
        now = _entry(cluster) if cluster is not None else _ABSENT
        if cluster is not None:
            self._entries[name] = now
        self._facts += now.facts - before.facts
        self._capacity += now.capacity - before.capacity
        kinds = frozenset(kind for kind, _ in before.served.items() ^ now.served.items())
        if kinds:
            self._serve(kinds, before, now)
        moved = Moved(facts=now.facts != before.facts, capacity=now.capacity != before.capacity, kinds=kinds)
        # what lies above all versions is of a hub that was put back
        if moved.facts or moved.kinds or now.version < before.version:
            newest = max((entry.version for entry in self._entries.values()), default=0)
            self.revision = str(newest) if newest else ""
        return moved

    def _show(self, name: str, cluster: Cluster | None) -> None:
        uid = cluster.metadata.uid if cluster is not None else None
        leaves = departures.departure(cluster) if cluster is not None else None
        self.clusters = _with(self.clusters, name, cluster)
        if self.uids.get(name) != uid:
            self.uids = _with(self.uids, name, uid)
        stays = uid if leaves is None else None
        if self.staying.get(name) != stays:
            self.staying = _with(self.staying, name, stays)
        self.leaving = _if(leaves is not None, self.leaving, name)
        self.kept = _if(leaves is not None and leaves.keep, self.kept, name)

    def _serve(self, kinds: frozenset[Served], before: _Entry, now: _Entry) -> None:
        served = dict(self.served)
        for kind in kinds:
            self._served[kind] += now.served.get(kind, 0) - before.served.get(kind, 0)
            served[kind] = _text(self._served[kind])
            if not self._served[kind]:
                del self._served[kind], served[kind]
        self.served = served


def _entry(cluster: Cluster) -> _Entry:
    own = staleness.print_of(cluster.metadata.name)
    enablements = (cluster.status.api_enablements or ()) if cluster.status is not None else ()
    version = cluster.metadata.resource_version
    return _Entry(
        staleness.print_of(staleness.facts(cluster)),
        staleness.print_of(staleness.capacity(cluster)),
        {(e.group_version, r.kind): own for e in enablements for r in e.resources or ()},
        int(version) if version.isdecimal() else 0,
    )


def _with(items: Mapping[str, T], name: str, item: T | None) -> Mapping[str, T]:
    changed = dict(items)
    if item is None:
        changed.pop(name, None)
    else:
        changed[name] = item
    return changed


def _if(is_in: bool, names: frozenset[str], name: str) -> frozenset[str]:
    if is_in == (name in names):
        return names
    return names | {name} if is_in else names - {name}


def _text(total: int) -> str:
    return f"{total % _MODULUS:032x}"
