"""The CustomResourceDefinitions of the served kinds, made from the typed API.

They are made when asked for, so that what is installed can never be older than the types; `libs.common.api.generate`
writes them out for people and for other installers.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from libs.common.api import structural
from libs.common.api.cluster import Cluster
from libs.common.api.override import OverridePolicy
from libs.common.api.policy import PropagationPolicy
from libs.common.api.rules import cluster as cluster_rules
from libs.common.api.rules import override as override_rules
from libs.common.api.rules import propagation as propagation_rules
from libs.common.api.rules.table import Refinements
from libs.common.api.work import ResourceBinding

_CATEGORY: Final = "karmada-io"


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    group: str
    version: str
    kind: str
    text: str
    plural: str
    type: type[msgspec.Struct]
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    status: bool = False
    columns: tuple[dict[str, Any], ...] = ()
    refinements: Refinements = {}


def _column(name: str, path: str, *, type_: str = "string", priority: int = 0) -> dict[str, Any]:
    column = {"name": name, "type": type_, "jsonPath": path}
    return column | {"priority": priority} if priority else column


_AGE: Final = _column("AGE", ".metadata.creationTimestamp", type_="date")
_POLICY_COLUMNS: Final = (
    _column("CONFLICT-RESOLUTION", ".spec.conflictResolution"),
    _column("PRIORITY", ".spec.priority"),
    _AGE,
)
_BINDING_COLUMNS: Final = (
    _column("SCHEDULED", '.status.conditions[?(@.type=="Scheduled")].status'),
    _column("FULLYAPPLIED", '.status.conditions[?(@.type=="FullyApplied")].status'),
    _AGE,
)
_CLUSTER_COLUMNS: Final = (
    _column("VERSION", ".status.kubernetesVersion"),
    _column("MODE", ".spec.syncMode"),
    _column("READY", '.status.conditions[?(@.type=="Ready")].status'),
    _AGE,
    _column("ZONES", ".spec.zones", priority=1),
    _column("REGION", ".spec.region", priority=1),
    _column("PROVIDER", ".spec.provider", priority=1),
    _column("API-ENDPOINT", ".spec.apiEndpoint", priority=1),
    _column("PROXY-URL", ".spec.proxyURL", priority=1),
)

_KINDS: Final = (
    _Kind(
        group="cluster.karmada.io",
        version="v1alpha1",
        kind="Cluster",
        text="A cluster that workloads can be propagated to.",
        plural="clusters",
        type=Cluster,
        namespaced=False,
        status=True,
        columns=_CLUSTER_COLUMNS,
        refinements=cluster_rules.REFINEMENTS,
    ),
    _Kind(
        group="policy.karmada.io",
        version="v1alpha1",
        kind="PropagationPolicy",
        text="Says which objects of its namespace are propagated, and to which clusters.",
        plural="propagationpolicies",
        type=PropagationPolicy,
        short_names=("pp",),
        columns=_POLICY_COLUMNS,
        refinements=propagation_rules.REFINEMENTS,
    ),
    _Kind(
        group="policy.karmada.io",
        version="v1alpha1",
        kind="ClusterPropagationPolicy",
        text="Says which objects, of any namespace or of none, are propagated, and to which clusters.",
        plural="clusterpropagationpolicies",
        type=PropagationPolicy,
        namespaced=False,
        short_names=("cpp",),
        columns=_POLICY_COLUMNS,
        refinements=propagation_rules.REFINEMENTS,
    ),
    _Kind(
        group="policy.karmada.io",
        version="v1alpha1",
        kind="OverridePolicy",
        text="Says how objects of its namespace are changed on their way to which clusters.",
        plural="overridepolicies",
        type=OverridePolicy,
        short_names=("op",),
        refinements=override_rules.REFINEMENTS,
    ),
    _Kind(
        group="policy.karmada.io",
        version="v1alpha1",
        kind="ClusterOverridePolicy",
        text="Says how objects, of any namespace or of none, are changed on their way to which clusters.",
        plural="clusteroverridepolicies",
        type=OverridePolicy,
        namespaced=False,
        short_names=("cop",),
        refinements=override_rules.REFINEMENTS,
    ),
    _Kind(
        group="work.karmada.io",
        version="v1alpha2",
        kind="ResourceBinding",
        text="Where an object of its namespace is placed, and what became of it. Written by Argosy.",
        plural="resourcebindings",
        type=ResourceBinding,
        short_names=("rb",),
        status=True,
        columns=_BINDING_COLUMNS,
    ),
    _Kind(
        group="work.karmada.io",
        version="v1alpha2",
        kind="ClusterResourceBinding",
        text="Where a cluster-scoped object is placed, and what became of it. Written by Argosy.",
        plural="clusterresourcebindings",
        type=ResourceBinding,
        namespaced=False,
        short_names=("crb",),
        status=True,
        columns=_BINDING_COLUMNS,
    ),
)


def definitions() -> Sequence[dict[str, Any]]:
    """All CustomResourceDefinitions, ready to be applied to a hub."""
    return [_definition(kind) for kind in _KINDS]


def _definition(kind: _Kind) -> dict[str, Any]:
    schema = structural.of(kind.type) | {"description": kind.text}
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    for path, keywords in kind.refinements.items():
        structural.refine(schema, path, keywords)
    version: dict[str, Any] = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}} if kind.status else {},
    }
    if kind.columns:
        version["additionalPrinterColumns"] = list(kind.columns)
    names: dict[str, Any] = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "categories": [_CATEGORY],
    }
    if kind.short_names:
        names["shortNames"] = list(kind.short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [version],
        },
    }
