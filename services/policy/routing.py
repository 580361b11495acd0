"""Which origins a change on the hub or the bus touches. Nothing is decided here but whom to look at again."""

import asyncio
from collections.abc import Iterable
from itertools import chain

from libs.common import names, telemetry
from libs.common.api.cluster import Cluster
from libs.common.api.meta import ObjectMeta
from libs.common.api.override import OverridePolicy
from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import ResourceBinding
from libs.common.names import OriginKey
from libs.common.reconcile import Queue
from services.policy import origins
from services.policy.core import census, matching, overrides
from services.policy.core import template as templates
from services.policy.core.matching import Claim, Unmatched
from services.policy.core.template import Template, TemplateKey
from services.policy.templates import Kind
from services.policy.view import View

FIRST, USUAL, LATER = 10, 0, -100
"""Priorities: answers of the scheduler, what a user does to an object, and what follows from policies and clusters."""

_REST = 10
"""How many times as long as it took to look at all, until all are looked at again."""


class Routing:
    def __init__(self, view: View, queue: Queue[OriginKey], clusters: Queue[str]) -> None:
        self._view = view
        self._queue = queue
        self._clusters = clusters
        self._open = False
        self._sweep: asyncio.TimerHandle | None = None
        self._rested = 0.0
        self._traced: dict[OriginKey, str] = {}

    def begin(self) -> None:
        """All is read: bindings take their names, and everything is looked at once."""
        self._open = True
        for binding in sorted(self._view.hub.bindings(), key=lambda b: not origins.is_plain(_key(b), b.spec.resource)):
            self._view.origins.enter(_key(binding), binding.spec.resource)
        for name in self._view.hub.clusters():
            self._clusters.add(name)
        self.everything()

    # ---- what is there ----

    def everything(self) -> None:
        """Looks at all that could need it. In a fleet where much happens that takes a small part of the time."""
        if not self._open or self._sweep is not None:
            return
        pause = self._rested - asyncio.get_running_loop().time()
        if pause > 0:
            self._sweep = asyncio.get_running_loop().call_later(pause, self._everything)
        else:
            self._everything()

    def _everything(self) -> None:
        self._sweep = None
        began = asyncio.get_running_loop().time()
        for key in self._known():
            self._queue.add(key, priority=LATER)
        for kind in self._view.templates.kinds():
            self._templates(kind)
        now = asyncio.get_running_loop().time()
        self._rested = now + _REST * (now - began)

    def kind(self, kind: Kind) -> None:
        """A kind has been listed, or everything of it is in doubt."""
        if not self._open:
            return
        for key in self._view.hub.census.of_kind(kind):
            self._queue.add(key, priority=LATER)
        self._templates(kind)

    def _templates(self, kind: Kind) -> None:
        for template in list(self._view.templates.of_kind(kind)):
            self._look(template, LATER)

    def _known(self) -> Iterable[OriginKey]:
        view = self._view
        yield from [_key(binding) for binding in view.hub.bindings()]
        yield from [names.namespace_origin(n.metadata.name) for n in view.hub.namespaces()]
        yield from view.works.origins()
        yield from view.placements.keys()
        yield from view.outcomes.keys()

    # ---- what changes ----

    def origin(self, key: OriginKey, priority: int = USUAL) -> None:
        if self._open:
            self._queue.add(key, priority=priority)

    def template(self, key: TemplateKey, old: Template | None, new: Template | None) -> None:
        if new is not None:
            if old is None or not self._only_claimed(old, new):
                self._look(new, USUAL)
            return
        origin = self._view.origins.of(key)
        if origin is not None:
            self.origin(origin)

    def policy(self, old: PropagationPolicy | None, new: PropagationPolicy | None) -> None:
        if old is not None and new is not None and _unchanged(old.metadata, new.metadata):
            return
        self._view.templates.refresh()
        if not self._open:
            return
        either = [p for p in (old, new) if p is not None]
        for template in self._of_policies(either):
            if any(matching.priority_of_match(p, template.facts) or _claims(p, template) for p in either):
                self._look(template, LATER)

    def override(self, old: OverridePolicy | None, new: OverridePolicy | None) -> None:
        if old is not None and new is not None and _unchanged(old.metadata, new.metadata):
            return
        if not self._open:
            return
        either = [p for p in (old, new) if p is not None]
        for binding in self._view.hub.bindings():
            if either[0].metadata.namespace not in ("", binding.metadata.namespace):
                continue
            template = self._view.template(_key(binding))
            if template is not None and any(_overrides(p, template) for p in either):
                self.origin(_key(binding), LATER)
        for namespace in self._view.hub.namespaces():
            if any(_overrides(p, namespace) for p in either):
                self.origin(names.namespace_origin(namespace.metadata.name), LATER)
        named = (either[0].metadata.namespace, either[0].metadata.name)
        waiting = [
            p
            for p in self._view.hub.policies()
            if p.metadata.namespace == named[0] and named[1] in (p.spec.dependent_overrides or ())
        ]
        for template in self._of_policies(waiting):
            self._look(template, LATER)

    def binding(self, old: ResourceBinding | None, new: ResourceBinding | None) -> None:
        seen = new or old
        assert seen is not None
        if old is None and not self._view.templates.watches(census.kind_of(seen)):
            self._view.templates.refresh()
        if self._open:
            self._view.origins.enter(_key(seen), seen.spec.resource)
        if old is None or new is None or not _same(old, new):
            self.origin(_key(seen))
            for name in self._view.fleet().leaving:
                self._clusters.add(name)

    def namespace(self, old: Template | None, new: Template | None) -> None:
        seen = new or old
        assert seen is not None
        if old is None or new is None or not templates.same_to_users(old, new):
            self.origin(names.namespace_origin(seen.metadata.name))

    def cluster(self, old: Cluster | None, new: Cluster | None) -> None:
        seen = new or old
        assert seen is not None
        moved = self._view.cluster_changed(seen.metadata.name, new)
        if not self._open:
            return
        self._clusters.add(seen.metadata.name)
        if moved.facts or old is None or new is None:
            self.everything()
            return
        seen_by = self._view.hub.census
        concerned = [seen_by.of_kind(kind) for kind in {(templates.group_of(v), k) for v, k in moved.kinds}]
        if moved.capacity:
            concerned.append(seen_by.failed())
        for key in chain.from_iterable(concerned):
            self.origin(key, LATER)

    def definition(self) -> None:
        self._view.templates.refresh(discover=True)

    def wanted_kinds(self) -> set[Kind]:
        """Kinds that some policy can select, or some binding names."""
        return kinds_of(self._view.hub.policies()) | self._view.hub.census.kinds()

    # ---- inside ----

    def _only_claimed(self, old: Template, new: Template) -> bool:
        """Whether all that changed is that the claim stands as it should."""
        if not templates.same_to_users(old, new, but_claims=True):
            return False
        origin = self._view.origins.of(new.key)
        decision = self._view.decide(new, self._view.hub.binding(origin) if origin is not None else None)
        return isinstance(decision, Claim) and not any(matching.unclaimed(new.metadata, decision))

    def _look(self, template: Template, priority: int) -> None:
        """Looks at a template; one that no policy takes has no binding, and gets no name."""
        if not self._open:
            return
        origin = self._view.origins.of(template.key)
        if origin is None:
            if isinstance(self._view.decide(template, None), Unmatched):
                return
            origin = self._view.origins.name(template.key, template.api_version)
        if telemetry.enabled():
            self._begin_trace(origin, template)
        self._queue.add(origin, priority=priority)

    def _begin_trace(self, origin: OriginKey, template: Template) -> None:
        """The root span of this state of the object, once."""
        if self._traced.get(origin) == template.trace_id:
            return
        self._traced[origin] = template.trace_id
        named = {
            "k8s.namespace.name": template.metadata.namespace,
            "argosy.object.kind": template.kind,
            "argosy.object.name": template.metadata.name,
            "argosy.object.uid": template.metadata.uid,
        }
        with telemetry.span(f"change {template.kind}", root_of=template.trace_id, attributes=named):
            pass

    def _of_policies(self, policies: Iterable[PropagationPolicy]) -> Iterable[Template]:
        for kind in kinds_of(policies):
            yield from list(self._view.templates.of_kind(kind))


def kinds_of(policies: Iterable[PropagationPolicy]) -> set[Kind]:
    """Kinds that policies select from."""
    return {(templates.group_of(s.api_version), s.kind) for p in policies for s in p.spec.resource_selectors}


def _key(binding: ResourceBinding) -> OriginKey:
    return OriginKey(binding.metadata.namespace, binding.metadata.name)


def _unchanged(old: ObjectMeta, new: ObjectMeta) -> bool:
    return (old.uid, old.generation, old.deletion_timestamp) == (new.uid, new.generation, new.deletion_timestamp)


def _same(old: ResourceBinding, new: ResourceBinding) -> bool:
    """Whether only the status of a binding changed."""
    a, b = old.metadata, new.metadata
    return (
        _unchanged(a, b)
        and (a.labels, a.annotations, a.finalizers) == (b.labels, b.annotations, b.finalizers)
        and old.spec == new.spec
    )


def _claims(policy: PropagationPolicy, template: Template) -> bool:
    claim = matching.claim_of(template.metadata)
    return claim is not None and (claim.namespace, claim.name) == (policy.metadata.namespace, policy.metadata.name)


def _overrides(policy: OverridePolicy, template: Template) -> bool:
    return overrides.selects(policy, template.api_version, template.kind, template.metadata) > 0
