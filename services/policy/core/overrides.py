"""Override policies: which ones apply to an object on a cluster, and in which order (Karmada's override manager).

A later application overwrites an earlier one: cluster-wide policies come first, then those of the object's namespace;
in each of these the closer a policy names the object the later it comes, and among equals the last by name wins.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from libs.common.api import selectors
from libs.common.api.cluster import Cluster
from libs.common.api.meta import ObjectMeta, Template
from libs.common.api.override import OverridePolicy, Overriders, RuleWithCluster
from services.policy.core import overriders


class OverrideError(ValueError):
    """An override policy does not fit an object; the message names the policy and the field."""


def apply(template: Template, cluster: Cluster, policies: Sequence[OverridePolicy]) -> Template:
    """The object as `cluster` is to get it.

    Args:
        policies: those that exist; the OverridePolicies among them are of the object's namespace.

    Raises:
        OverrideError
    """
    if not policies:
        return template
    where = selectors.facts(cluster)
    for stage in (
        [p for p in policies if not p.metadata.namespace],
        [p for p in policies if p.metadata.namespace],
    ):
        for policy in _in_order(stage, template):
            for rule in rules(policy):
                if rule.target_cluster is None or selectors.match_cluster(rule.target_cluster, where):
                    template = _applied(template, policy, rule.overriders)
    return template


def selects(policy: OverridePolicy, api_version: str, kind: str, metadata: ObjectMeta) -> int:
    """How closely a policy names an object; one without selectors takes all of its scope."""
    if policy.metadata.namespace and policy.metadata.namespace != metadata.namespace:
        return selectors.NO_MATCH
    wanted = policy.spec.resource_selectors
    return selectors.match_resource(wanted, api_version, kind, metadata) if wanted else selectors.ALL_OF_KIND


def rules(policy: OverridePolicy) -> Sequence[RuleWithCluster]:
    """The rules of a policy; the deprecated fields are one when there are no others."""
    spec = policy.spec
    if spec.override_rules:
        return spec.override_rules
    return [RuleWithCluster(target_cluster=spec.target_cluster, overriders=spec.overriders or Overriders())]


def _in_order(policies: Sequence[OverridePolicy], template: Template) -> list[OverridePolicy]:
    metadata = msgspec.convert(
        {k: v for k, v in template["metadata"].items() if k in ("name", "namespace", "labels")}, ObjectMeta
    )
    ranked = [
        (rank, policy.metadata.name, policy)
        for policy in policies
        if (rank := selects(policy, template["apiVersion"], template["kind"], metadata))
    ]
    return [policy for _, _, policy in sorted(ranked, key=lambda r: r[:2])]


def _applied(template: Template, policy: OverridePolicy, rule: Overriders) -> Template:
    namespace, name = policy.metadata.namespace, policy.metadata.name
    try:
        made = overriders.apply(template, rule)
        _check_identity(template, made, fixed=bool(namespace))
    except overriders.MisfitError as error:
        said = f"OverridePolicy {namespace}/{name}" if namespace else f"ClusterOverridePolicy {name}"
        raise OverrideError(f"{said}: {error}") from error
    return made


def _check_identity(before: Template, after: Template, *, fixed: bool) -> None:
    """An object must stay one; and who may write policies in one namespace only must not make it another one: an agent
    may write all kinds in all namespaces, so that would be a way around the hub's own permissions.
    """
    was, now = _identity(before), _identity(after)
    for field in now:
        if field != "metadata.namespace" and not (isinstance(now[field], str) and now[field]):
            raise overriders.MisfitError(f"{field} must stay")
        if fixed and now[field] != was[field]:
            raise overriders.MisfitError(
                f"{field} must stay {was[field]!r}, only a ClusterOverridePolicy may change it"
            )


def _identity(template: Template) -> dict[str, Any]:
    metadata = template.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    return {
        "apiVersion": template.get("apiVersion"),
        "kind": template.get("kind"),
        "metadata.name": named.get("name"),
        "metadata.namespace": named.get("namespace") or "",
    }
