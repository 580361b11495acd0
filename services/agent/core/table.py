"""The works of one cluster as the stream tells them: what asks for which object, and what beats say of it all."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from libs.common import digests
from libs.common.digests import SetDigest
from libs.common.kube.resources import version_number
from libs.common.messages import Order, Work
from libs.common.names import OriginKey
from services.agent.core import identity, plan
from services.agent.core.identity import Identity, ObjectName

K = TypeVar("K", bound=Hashable)


class Table:
    """Works by origin. A work with a lower order than the last one of its origin is dropped, also across a replay."""

    def __init__(self, me: Identity) -> None:
        self._me = me
        self._works: dict[OriginKey, Work] = {}
        self._floors: dict[OriginKey, Order] = {}
        self._claims: dict[ObjectName, dict[OriginKey, None]] = {}
        self._inside: dict[str, dict[OriginKey, None]] = {}
        self.known = SetDigest()
        """Over all works that ask for an object."""
        self.applied = SetDigest()
        """Over those of them that stand in the member."""
        self.highest = Order()
        self.hub_version = 0
        """The highest resourceVersion of the hub that any work named."""

    @property
    def works(self) -> Mapping[OriginKey, Work]:
        return self._works

    def refuses(self, work: Work) -> str:
        """Why a work is not for this agent, whatever subject it came on; empty if it is."""
        if work.hub_uid != self._me.hub_uid:
            return f"it comes from the hub {work.hub_uid}, this agent serves {self._me.hub_uid}"
        if work.cluster_uid != self._me.cluster_uid:
            return f"it is for the cluster of uid {work.cluster_uid}, this one has {self._me.cluster_uid}"
        return ""

    def put(self, key: OriginKey, work: Work) -> bool:
        """Takes a work. Returns False, and forgets it, if a later one is known."""
        before = self._works.get(key)
        if work.order < max(self._floors.get(key, Order()), before.order if before is not None else Order()):
            return False
        if before is not None:
            self._unclaim(key, before)
        self._works[key] = work
        self._floors[key] = work.order
        self._claim(key, work)
        if work.op == "apply":
            self.known.put(key, digests.of_work(key, work))
        else:
            self.known.drop(key)
            self.applied.drop(key)
        self.highest = max(self.highest, work.order)
        self.hub_version = max(self.hub_version, version_number(work.template.resource_version))
        return True

    def forget(self) -> None:
        """Empties the table before a replay. What was ordered last is remembered, so that an older copy of the stream
        does not bring back what is gone."""
        self._works.clear()
        self._claims.clear()
        self._inside.clear()
        self.known.clear()
        self.applied.clear()

    def stands(self, key: OriginKey, work: Work, applied: bool) -> None:
        """Records whether a work is as it should be in the member."""
        if self._works.get(key) is not work or work.op != "apply":
            return
        if applied:
            self.applied.put(key, digests.of_work(key, work))
        else:
            self.applied.drop(key)

    def saw(self, order: Order) -> None:
        """Records an order found on an object: whoever gave it, later orders must be higher."""
        self.highest = max(self.highest, order)

    def claimants(self, name: ObjectName) -> Iterable[OriginKey]:
        """Origins whose works ask for that object or order it away."""
        return self._claims.get(name, ())

    def others(self, key: OriginKey, name: ObjectName) -> list[Work]:
        """Works of other origins that ask for that object."""
        found = (self._works[k] for k in self.claimants(name) if k != key)
        return [w for w in found if w.op == "apply" and identity.target(w) == name]

    def inside(self, namespace: str) -> list[OriginKey]:
        """Origins whose works are about objects in that namespace."""
        return list(self._inside.get(namespace, ()))

    def wanted_in(self, container: ObjectName, holds: Iterable[tuple[str, str]] = ()) -> int:
        """How many objects in a Namespace, or of a CustomResourceDefinition's kinds, works ask for.

        Args:
            holds: (apiVersion, kind) pairs that a CustomResourceDefinition serves.
        """
        if container.kind == "Namespace":
            return sum(self._works[k].op == "apply" for k in self._inside.get(container.name, ()))
        kinds = frozenset(holds)
        return sum(w.op == "apply" and (w.api_version, w.kind) in kinds for w in self._works.values())

    def _claim(self, key: OriginKey, work: Work) -> None:
        for name in self._names(work):
            self._claims.setdefault(name, {})[key] = None
        if work.namespace:
            self._inside.setdefault(work.namespace, {})[key] = None

    def _unclaim(self, key: OriginKey, work: Work) -> None:
        for name in self._names(work):
            _discard(self._claims, name, key)
        if work.namespace:
            _discard(self._inside, work.namespace, key)

    @staticmethod
    def _names(work: Work) -> set[ObjectName]:
        return {identity.target(work), *(plan.removed(r) for r in work.removes)}


def _discard(index: dict[K, dict[OriginKey, None]], entry: K, key: OriginKey) -> None:
    keys = index.get(entry)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[entry]
