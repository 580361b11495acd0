"""Everything that policy knows, in one place: what the handlers read before they decide."""

from collections.abc import Mapping

import msgspec

from libs.common.api.cluster import Cluster
from libs.common.api.work import ObjectReference, ResourceBinding
from libs.common.messages import TemplateRef
from libs.common.names import OriginKey
from services.policy.core import binding as bindings
from services.policy.core import matching, roster, staleness
from services.policy.core.exclusions import Exclusions
from services.policy.core.template import Template, TemplateKey
from services.policy.forsaken import Forsaken
from services.policy.hub import Hub
from services.policy.origins import Origins
from services.policy.outcomes import Outcomes
from services.policy.placements import Placements
from services.policy.templates import Templates
from services.policy.works import Works


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """The clusters at one moment."""

    clusters: Mapping[str, Cluster]
    uids: Mapping[str, str]
    staying: Mapping[str, str]
    """Uids of those that are not being deleted."""
    leaving: frozenset[str]
    """Those that are being deleted, and"""
    kept: frozenset[str]
    """those of them that keep what they run."""
    fingerprint: str
    """Over what decisions depend on, without capacity."""
    full_fingerprint: str
    """With capacity."""
    served: Mapping[roster.Served, str]
    """Over the clusters that serve a kind."""
    revision: str
    """resourceVersion of the last change that moved `fingerprint` or `served`."""

    def seen_by(self, binding: ResourceBinding) -> str:
        """What a decision about the binding depends on: a kind that a cluster begins to serve concerns that kind."""
        return self.views_of(binding)[staleness.failed(binding)]

    def views_of(self, binding: ResourceBinding) -> tuple[str, str]:
        """The same for a decision that found a place, and for one that found none."""
        resource = binding.spec.resource
        where = self.served.get((resource.api_version, resource.kind), "")
        return f"{self.fingerprint}/{where}", f"{self.full_fingerprint}/{where}"


class View:
    def __init__(
        self,
        hub: Hub,
        templates: Templates,
        works: Works,
        placements: Placements,
        outcomes: Outcomes,
        excluded: Exclusions,
        forsaken: Forsaken,
    ) -> None:
        self.hub = hub
        self.templates = templates
        self.works = works
        self.placements = placements
        self.outcomes = outcomes
        self.excluded = excluded
        self.forsaken = forsaken
        self.origins = Origins()
        self._fleet: Fleet | None = None
        self._roster = roster.Roster()
        self.overrides_revision = 0

    # ---- clusters ----

    def fleet(self) -> Fleet:
        if self._fleet is None:
            seen = self._roster
            self._fleet = Fleet(
                clusters=seen.clusters,
                uids=seen.uids,
                staying=seen.staying,
                leaving=seen.leaving,
                kept=seen.kept,
                fingerprint=seen.facts,
                full_fingerprint=seen.capacity,
                served=seen.served,
                revision=seen.revision,
            )
        return self._fleet

    def cluster_changed(self, name: str, cluster: Cluster | None) -> roster.Moved:
        """Takes in how a cluster looks now, and forgets the fleet as it was."""
        self._fleet = None
        return self._roster.put(name, cluster)

    def highest_version(self) -> int:
        """The highest resourceVersion of the hub that any watch has shown."""
        return max(self.hub.highest_version(), self.templates.highest_version())

    # ---- templates ----

    def template(self, key: OriginKey) -> Template | None:
        wanted = self.origins.template(key)
        return self.templates.get(wanted) if wanted is not None else None

    def absence_counts(self, wanted: TemplateKey) -> bool:
        """Whether a template that is not there can be believed to be gone."""
        return self.templates.synced((wanted.group, wanted.kind))

    def decide(self, template: Template, binding: ResourceBinding | None) -> matching.Decision:
        """Which policy the template belongs to now."""
        return matching.decide(
            template.facts,
            self.hub.policies_for(template.metadata.namespace),
            self.hub.override_names(),
            bindings.applied_generation(binding) if binding is not None else None,
        )


def reference(template: Template) -> TemplateRef:
    """How messages name a template."""
    metadata = template.metadata
    return TemplateRef(
        api_version=template.api_version,
        kind=template.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        generation=metadata.generation,
        resource_version=metadata.resource_version,
    )


def reference_of(resource: ObjectReference) -> TemplateRef:
    """The same from what a binding says of its template."""
    return TemplateRef(
        api_version=resource.api_version,
        kind=resource.kind,
        namespace=resource.namespace,
        name=resource.name,
        uid=resource.uid,
        resource_version=resource.resource_version,
    )
