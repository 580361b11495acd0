"""Which policy decides about a template (Karmada's detector: claims, precedence, preemption).

Level-triggered: the same facts give the same decision, whatever happened before. A claim is sticky: a template that a
policy has claimed stays with it until that policy goes, no longer selects it, or is preempted.
"""

from collections.abc import Sequence

import msgspec

from libs.common.api import selectors, wellknown
from libs.common.api.meta import ObjectMeta
from libs.common.api.policy import PropagationPolicy
from services.policy.core import keys

EMPTY: dict[str, str] = {}


class TemplateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What matching needs to know of a user's object."""

    api_version: str
    kind: str
    metadata: ObjectMeta


class ClaimRef(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as it stands in the labels and annotations of a template or binding."""

    namespace: str
    """Empty for a ClusterPropagationPolicy."""
    name: str
    uid: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The template belongs to this policy, and the policy applies to it now."""

    policy: PropagationPolicy


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """The template stays as it is: claimed by a policy that no longer selects it, which nobody has changed since."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The claim goes from the template and its binding; what runs stays where it is."""

    claim: ClaimRef


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A policy matches, but override policies that it depends on do not exist yet."""

    policy: PropagationPolicy
    missing: tuple[str, ...]


class Unmatched(msgspec.Struct, frozen=True, kw_only=True):
    """No policy selects the template and none has claimed it."""


Decision = Claim | Keep | Release | Waiting | Unmatched


def is_cluster_scoped(policy: PropagationPolicy) -> bool:
    """Whether it is a ClusterPropagationPolicy."""
    return not policy.metadata.namespace


def claim_of(metadata: ObjectMeta) -> ClaimRef | None:
    """The claim that stands on a template or binding; a PropagationPolicy's goes before a cluster-wide one."""
    labels, notes = metadata.labels or EMPTY, metadata.annotations or EMPTY
    uid = labels.get(wellknown.POLICY_ID_LABEL)
    name, namespace = notes.get(wellknown.POLICY_NAME_ANNOTATION), notes.get(wellknown.POLICY_NAMESPACE_ANNOTATION)
    if uid and name and namespace:
        return ClaimRef(namespace=namespace, name=name, uid=uid)
    uid, name = labels.get(wellknown.CLUSTER_POLICY_ID_LABEL), notes.get(wellknown.CLUSTER_POLICY_NAME_ANNOTATION)
    if uid and name:
        return ClaimRef(namespace="", name=name, uid=uid)
    return None


def decide(
    template: TemplateFacts,
    policies: Sequence[PropagationPolicy],
    overrides: frozenset[tuple[str, str]],
    applied_generation: int | None,
) -> Decision:
    """Which policy the template belongs to.

    Args:
        template: the user's object.
        policies: the PropagationPolicies of its namespace and all ClusterPropagationPolicies.
        overrides: (namespace, name) of every OverridePolicy, and ("", name) of every ClusterOverridePolicy.
        applied_generation: generation of the claiming policy when it was last applied; None when unknown.
    """
    live = [p for p in policies if not p.metadata.deletion_timestamp]
    claim = claim_of(template.metadata)
    current = _claimant(claim, live)
    if claim is not None and current is not None:
        taken = _preempted(template, claim, current, live)
        if taken is not None:
            return _gate(taken, overrides)
        if priority_of_match(current, template):
            return _gate(current, overrides)
        if applied_generation == current.metadata.generation:
            return Keep()
    best = _best([p for p in live if p is not current], template)
    if best is not None:
        return _gate(best, overrides)
    return Release(claim=claim) if claim is not None else Unmatched()


def priority_of_match(policy: PropagationPolicy, template: TemplateFacts) -> int:
    """Karmada's implicit priority of a match: 0 none, 1 all of a kind, 2 by labels, 3 by name."""
    if not is_cluster_scoped(policy) and policy.metadata.namespace != template.metadata.namespace:
        return 0
    return selectors.match_resource(
        policy.spec.resource_selectors, template.api_version, template.kind, template.metadata
    )


def _claimant(claim: ClaimRef | None, live: Sequence[PropagationPolicy]) -> PropagationPolicy | None:
    """Looked up by name, as Karmada does: a policy made anew under its name takes its templates again."""
    if claim is None:
        return None
    return next((p for p in live if (p.metadata.namespace, p.metadata.name) == (claim.namespace, claim.name)), None)


def _best(live: Sequence[PropagationPolicy], template: TemplateFacts) -> PropagationPolicy | None:
    """A PropagationPolicy goes before any cluster-wide one; then priority, kind of match, name."""
    matching = [(p, implicit) for p in live if (implicit := priority_of_match(p, template))]
    if not matching:
        return None
    return min(
        matching, key=lambda m: (is_cluster_scoped(m[0]), -(m[0].spec.priority or 0), -m[1], m[0].metadata.name)
    )[0]


def _preempted(
    template: TemplateFacts, claim: ClaimRef, current: PropagationPolicy, live: Sequence[PropagationPolicy]
) -> PropagationPolicy | None:
    """The policy that takes the template away: it asks for preemption, names the template, and stands higher."""
    rivals = [
        p
        for p in live
        if p is not current and p.spec.preemption == "Always" and _names(p, template) and _outranks(p, claim, current)
    ]
    return _best(rivals, template)


def _names(policy: PropagationPolicy, template: TemplateFacts) -> bool:
    return priority_of_match(policy, template) == selectors.BY_NAME


def _outranks(rival: PropagationPolicy, claim: ClaimRef, current: PropagationPolicy) -> bool:
    if is_cluster_scoped(rival) != (not claim.namespace):
        return not is_cluster_scoped(rival)
    return (rival.spec.priority or 0) > (current.spec.priority or 0)


def _gate(policy: PropagationPolicy, overrides: frozenset[tuple[str, str]]) -> Claim | Waiting:
    namespace = policy.metadata.namespace
    missing = tuple(name for name in policy.spec.dependent_overrides or () if (namespace, name) not in overrides)
    return Waiting(policy=policy, missing=missing) if missing else Claim(policy=policy)


def claim_metadata(policy: PropagationPolicy) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Labels and annotations that claim a template or binding for `policy`; None stands for a key to be taken away.

    There is one claim only: a claim of the other kind is that of a policy which is gone or was preempted.
    """
    if is_cluster_scoped(policy):
        return (
            {wellknown.CLUSTER_POLICY_ID_LABEL: policy.metadata.uid, wellknown.POLICY_ID_LABEL: None},
            {
                wellknown.CLUSTER_POLICY_NAME_ANNOTATION: policy.metadata.name,
                wellknown.POLICY_NAMESPACE_ANNOTATION: None,
                wellknown.POLICY_NAME_ANNOTATION: None,
            },
        )
    return (
        {wellknown.POLICY_ID_LABEL: policy.metadata.uid, wellknown.CLUSTER_POLICY_ID_LABEL: None},
        {
            wellknown.POLICY_NAMESPACE_ANNOTATION: policy.metadata.namespace,
            wellknown.POLICY_NAME_ANNOTATION: policy.metadata.name,
            wellknown.CLUSTER_POLICY_NAME_ANNOTATION: None,
        },
    )


def unclaimed(metadata: ObjectMeta, decision: Decision) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Labels and annotations of a template that do not stand as decided."""
    match decision:
        case Claim(policy=policy):
            labels, notes = claim_metadata(policy)
        case Release(claim=claim):
            labels, notes = release_metadata(claim)
        case _:
            return {}, {}
    return keys.missing(metadata.labels, labels), keys.missing(metadata.annotations, notes)


def release_metadata(claim: ClaimRef) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Labels and annotations that take a claim away."""
    if not claim.namespace:
        return {wellknown.CLUSTER_POLICY_ID_LABEL: None}, {wellknown.CLUSTER_POLICY_NAME_ANNOTATION: None}
    return (
        {wellknown.POLICY_ID_LABEL: None},
        {wellknown.POLICY_NAMESPACE_ANNOTATION: None, wellknown.POLICY_NAME_ANNOTATION: None},
    )
