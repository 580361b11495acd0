"""Which bindings a change may concern, counted change by change instead of looked for."""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain

from libs.common.api import wellknown
from libs.common.api.work import ResourceBinding
from libs.common.names import OriginKey
from services.policy.core import binding as bindings
from services.policy.core import leaving, render, staleness, template

Kind = tuple[str, str]
"""Group and kind."""


class Census:
    """All bindings, as far as others ask about all of them."""

    def __init__(self) -> None:
        self._kinds: dict[Kind, set[OriginKey]] = {}
        self._failed: set[OriginKey] = set()
        self._named: Counter[str] = Counter()
        self._named_to_stay: Counter[str] = Counter()

    def put(self, old: ResourceBinding | None, new: ResourceBinding | None) -> None:
        """Takes in how a binding looked and looks now; None when there is none."""
        if old is not None and new is not None and bindings.same(old, new):
            return
        for binding, sign in ((old, -1), (new, +1)):
            if binding is not None:
                self._count(binding, sign)

    def kinds(self) -> set[Kind]:
        """The kinds of all templates."""
        return set(self._kinds)

    def of_kind(self, kind: Kind) -> Collection[OriginKey]:
        return self._kinds.get(kind, ())

    def failed(self) -> Collection[OriginKey]:
        """Bindings whose last decision found no place."""
        return self._failed

    def names(self, cluster: str, *, dead: bool) -> bool:
        """Whether a binding names a cluster as a target, or as one that is being left.

        Args:
            dead: nobody waits for that cluster's word, so what is on its way out does not count.
        """
        return (self._named_to_stay if dead else self._named)[cluster] > 0

    def _count(self, binding: ResourceBinding, sign: int) -> None:
        key, kind = bindings.key_of(binding), kind_of(binding)
        _change(self._named, chain(render.targets(binding), _left(binding)), sign)
        if binding.metadata.deletion_timestamp is None:
            _change(self._named_to_stay, iter(render.targets(binding)), sign)
        if sign > 0:
            self._kinds.setdefault(kind, set()).add(key)
            if staleness.failed(binding):
                self._failed.add(key)
            return
        self._failed.discard(key)
        same = self._kinds[kind]
        same.discard(key)
        if not same:
            del self._kinds[kind]


def kind_of(binding: ResourceBinding) -> Kind:
    """The kind of a binding's template."""
    resource = binding.spec.resource
    return template.group_of(resource.api_version), resource.kind


def _left(binding: ResourceBinding) -> Iterator[str]:
    return iter(leaving.parse((binding.metadata.annotations or {}).get(wellknown.LEAVING_ANNOTATION)))


def _change(counts: Counter[str], clusters: Iterator[str], by: int) -> None:
    for cluster in clusters:
        counts[cluster] += by
        if not counts[cluster]:
            del counts[cluster]
