"""What stands in a Namespace without anybody having put it there."""

from typing import Any, Final

from libs.common.api.meta import PartialObject, Template

_BY_ITSELF: Final = frozenset({"Event", "Endpoints", "EndpointSlice"})
"""Kinds that controllers make for other objects, or that only tell what happened."""
_OF_EVERY_NAMESPACE: Final = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
_ACCOUNT_ANNOTATION: Final = "kubernetes.io/service-account.name"


def comes_by_itself(kind: str, obj: PartialObject) -> bool:
    """Whether an object is the work of the cluster's own controllers: it goes with what it belongs to.

    An object with a controller follows its controller, which is looked at by itself. A claim of a StatefulSet has none:
    it holds data, and counts as somebody's.
    """
    metadata = obj.metadata
    if kind in _BY_ITSELF or (kind, metadata.name) in _OF_EVERY_NAMESPACE:
        return True
    if kind == "Secret" and (metadata.annotations or {}).get(_ACCOUNT_ANNOTATION) == "default":
        return True
    return any(reference.controller for reference in metadata.owner_references or ())


def served(definition: Template) -> list[tuple[str, str]]:
    """The (apiVersion, kind) pairs that a CustomResourceDefinition serves."""
    spec: dict[str, Any] = definition.get("spec") or {}
    kind = (spec.get("names") or {}).get("kind", "")
    return [(f"{spec.get('group', '')}/{v['name']}", kind) for v in spec.get("versions") or () if v.get("served")]


def was_never_served(definition: Template) -> bool:
    """Whether a CustomResourceDefinition says of itself that the server never took its kind up: none can be stored.

    Once established it stays so.
    """
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Established" and c.get("status") == "False" for c in conditions)
