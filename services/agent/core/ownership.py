"""May an agent touch an object? And how it leaves one behind.

An agent changes or deletes only what carries its owner label. A second hub, a real Karmada or an earlier registration
of the same cluster is somebody else, however much their labels look alike.
"""

from collections.abc import Iterable
from typing import Final

from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.messages import Origin
from services.agent.core.identity import ObjectName

CONTAINERS: Final = frozenset({("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")})
"""Group and kind of what takes other objects along when it is deleted."""

_RELEASED_LABELS: Final = (
    wellknown.OWNER_LABEL,
    wellknown.MANAGED_LABEL,
    wellknown.WORK_ID_LABEL,
    wellknown.BINDING_ID_LABEL,
    wellknown.CLUSTER_BINDING_ID_LABEL,
    wellknown.POLICY_ID_LABEL,
    wellknown.CLUSTER_POLICY_ID_LABEL,
)
_RELEASED_ANNOTATIONS: Final = (
    wellknown.ORIGIN_ANNOTATION,
    wellknown.ORDER_ANNOTATION,
    wellknown.DIGEST_ANNOTATION,
    wellknown.CREATED_ANNOTATION,
    wellknown.MANAGED_ANNOTATIONS_ANNOTATION,
    wellknown.MANAGED_LABELS_ANNOTATION,
    wellknown.TEMPLATE_UID_ANNOTATION,
    wellknown.TEMPLATE_GENERATION_ANNOTATION,
    wellknown.BINDING_NAMESPACE_ANNOTATION,
    wellknown.BINDING_NAME_ANNOTATION,
    wellknown.CLUSTER_BINDING_NAME_ANNOTATION,
    wellknown.WORK_NAMESPACE_ANNOTATION,
    wellknown.WORK_NAME_ANNOTATION,
    wellknown.POLICY_NAMESPACE_ANNOTATION,
    wellknown.POLICY_NAME_ANNOTATION,
    wellknown.CLUSTER_POLICY_NAME_ANNOTATION,
)


def is_container(name: ObjectName) -> bool:
    return (name.api_version.rpartition("/")[0], name.kind) in CONTAINERS


def released(observed: Template) -> Template:
    """The object without anything that says it is managed: what the user wrote in it stays.

    Karmada leaves the keys of a ClusterResourceBinding, and those of a ClusterPropagationPolicy on a namespaced object;
    here all marks go, so that nothing points to what no longer exists.
    """
    metadata = dict(observed["metadata"])
    for field, keys in (("labels", _RELEASED_LABELS), ("annotations", _RELEASED_ANNOTATIONS)):
        if kept := without(metadata.pop(field, None) or {}, keys):
            metadata[field] = kept
    metadata.pop("managedFields", None)
    return {**observed, "metadata": metadata}


def without(labels: dict[str, str], keys: Iterable[str]) -> dict[str, str]:
    """`labels` less `keys`."""
    dropped = frozenset(keys)
    return {key: value for key, value in labels.items() if key not in dropped}


def refusal(name: ObjectName, cluster: str) -> str:
    """Karmada's words for an object that is there already and not managed."""
    return (
        f"resource(kind={name.kind}, {name.namespace}/{name.name}) already exists in the cluster {cluster} and the "
        f"{wellknown.CONFLICT_RESOLUTION_ANNOTATION} strategy value is empty, Karmada will not manage this resource"
    )


def taken(name: ObjectName, cluster: str, origin: Origin) -> str:
    """What to say of an object that is ours, but made for another binding from another template."""
    owner = f"{origin.kind} {origin.namespace}/{origin.name}" if origin.namespace else f"{origin.kind} {origin.name}"
    return f"{name} in the cluster {cluster} is already managed for {owner}; two templates cannot become one object"
