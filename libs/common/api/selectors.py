"""Selectors of policies: which objects a policy speaks of, and which clusters.

A selector that cannot be parsed (an operator without its values, a bad key) matches nothing, as in Karmada.
Reference: k8s.io/apimachinery pkg/labels and Karmada's pkg/util/selector.go.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from libs.common.api.cluster import Cluster
from libs.common.api.meta import LabelSelector, ObjectMeta
from libs.common.api.policy import ClusterAffinity, FieldSelector, FieldSelectorRequirement, ResourceSelector

NO_MATCH: Final = 0
ALL_OF_KIND: Final = 1
BY_LABELS: Final = 2
BY_NAME: Final = 3
"""Karmada's implicit priority of a match: the closer a selector names an object, the higher."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_PREFIX = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_EMPTY: Mapping[str, str] = {}


class ClusterFacts(Protocol):
    """What an affinity looks at in a cluster; a row of the cluster table has it, and `facts` makes it of a Cluster."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def provider(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def zones(self) -> Sequence[str]: ...


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one Cluster."""

    name: str
    labels: Mapping[str, str]
    provider: str
    region: str
    zones: Sequence[str]


def facts(cluster: Cluster) -> Facts:
    """What affinities look at. `spec.zone`, which is deprecated, stands in for missing `spec.zones`."""
    spec = cluster.spec
    return Facts(
        name=cluster.metadata.name,
        labels=cluster.metadata.labels or _EMPTY,
        provider=spec.provider,
        region=spec.region,
        zones=spec.zones or ([spec.zone] if spec.zone else []),
    )


def match_resource(selectors: Sequence[ResourceSelector], api_version: str, kind: str, metadata: ObjectMeta) -> int:
    """How closely the closest of `selectors` names an object: `NO_MATCH`, `ALL_OF_KIND`, `BY_LABELS` or `BY_NAME`."""
    best = NO_MATCH
    for selector in selectors:
        if selector.kind == kind and selector.api_version == api_version:
            best = max(best, _match_one(selector, metadata))
    return best


def _match_one(selector: ResourceSelector, metadata: ObjectMeta) -> int:
    if selector.namespace and selector.namespace != metadata.namespace:
        return NO_MATCH
    if selector.name:
        return BY_NAME if selector.name == metadata.name else NO_MATCH
    if selector.label_selector is None:
        return ALL_OF_KIND
    return BY_LABELS if match_labels(selector.label_selector, metadata.labels or _EMPTY) else NO_MATCH


def match_labels(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether `labels` satisfy all of `selector`; an empty selector matches everything."""
    for key, value in (selector.match_labels or _EMPTY).items():
        if not _valid_key(key) or not _VALUE.fullmatch(value) or labels.get(key) != value:
            return False
    return all(match_requirement(r.key, r.operator, r.values or (), labels) for r in selector.match_expressions or ())


def match_requirement(key: str, operator: str, values: Sequence[str], labels: Mapping[str, str]) -> bool:
    """Whether `labels` satisfy one requirement; false for a requirement that cannot be parsed."""
    if not _valid_key(key) or not all(_VALUE.fullmatch(v) for v in values):
        return False
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return bool(values) and labels.get(key) not in values
        case "Exists":
            return not values and key in labels
        case "DoesNotExist":
            return not values and key not in labels
    return False


def match_cluster(affinity: ClusterAffinity, cluster: ClusterFacts) -> bool:
    """Whether an affinity takes a cluster; `exclude` goes before everything, and what is not asked is not looked at."""
    if cluster.name in (affinity.exclude or ()):
        return False
    if affinity.label_selector is not None and not match_labels(affinity.label_selector, cluster.labels):
        return False
    if affinity.field_selector is not None and not match_fields(affinity.field_selector, cluster):
        return False
    return not affinity.cluster_names or cluster.name in affinity.cluster_names


def match_fields(selector: FieldSelector, cluster: ClusterFacts) -> bool:
    """Whether provider, region and zones of a cluster satisfy all of `selector`."""
    fields = {k: v for k, v in (("provider", cluster.provider), ("region", cluster.region)) if v}
    return all(
        _match_zones(r, cluster.zones)
        if r.key == "zone"
        else match_requirement(r.key, r.operator, r.values or (), fields)
        for r in selector.match_expressions or ()
    )


def _match_zones(requirement: FieldSelectorRequirement, zones: Sequence[str]) -> bool:
    values = requirement.values or ()
    match requirement.operator:
        case "In":
            return any(zone in values for zone in zones)
        case "NotIn":
            return not any(zone in values for zone in zones)
        case "Exists":
            return bool(zones)
        case "DoesNotExist":
            return not zones
    return False


def _valid_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return _NAME.fullmatch(name) is not None and (not slash or _PREFIX.fullmatch(prefix) is not None)
