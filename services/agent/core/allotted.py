"""What a member's own admission fills in when an object is created, and what cannot or should not be taken back.

Karmada's retain rules do not know these fields: it puts such an object again and again, or is refused for ever.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from libs.common.api.meta import Template

_FIELDS: Final[dict[tuple[str, str], tuple[tuple[str, ...], ...]]] = {
    # its finalizers; a write that leaves them out changes nothing
    ("v1", "Namespace"): (("spec",),),
    # the member's default class, immutable once set
    ("v1", "PersistentVolumeClaim"): (("spec", "storageClassName"), ("spec", "volumeMode")),
    # where the volume is, which some provisioners write and nobody may take back
    ("v1", "PersistentVolume"): (("spec", "nodeAffinity"),),
    # the member's default class, given at creation only
    ("networking.k8s.io/v1", "Ingress"): (("spec", "ingressClassName"),),
    # what the account, the priority class and the runtime class of the member say, given at creation only
    ("v1", "Pod"): tuple(
        ("spec", field)
        for field in (
            "imagePullSecrets",
            "tolerations",
            "priority",
            "priorityClassName",
            "preemptionPolicy",
            "nodeSelector",
            "overhead",
            "ephemeralContainers",
        )
    ),
}
_ADDRESSES: Final = tuple(
    ("spec", field)
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy", "loadBalancerClass", "allocateLoadBalancerNodePorts")
)


def keep(desired: Template, observed: Template) -> Template:
    """The desired object with such fields of the observed one, where the template says nothing of them."""
    kind = desired.get("apiVersion", ""), desired.get("kind", "")
    for path in _FIELDS.get(kind, ()):
        desired = _with(desired, observed, path)
    special = _SPECIAL.get(kind)
    return special(desired, observed) if special is not None else desired


def _service(desired: Template, observed: Template) -> Template:
    """Addresses and node ports, as long as the Service is of the same type: other types may not have them."""
    ours, theirs = _mapping(desired.get("spec")), _mapping(observed.get("spec"))
    if ours.get("type", "ClusterIP") != theirs.get("type", "ClusterIP"):
        return desired
    for path in _ADDRESSES:
        desired = _with(desired, observed, path)
    return _with_each(desired, observed, "ports", _port, "nodePort")


def _pod(desired: Template, observed: Template) -> Template:
    """What the member's LimitRange gave the containers."""
    for field in ("containers", "initContainers"):
        desired = _with_each(desired, observed, field, _name, "resources")
    return desired


_SPECIAL: Final[Mapping[tuple[str, str], Callable[[Template, Template], Template]]] = {
    ("v1", "Service"): _service,
    ("v1", "Pod"): _pod,
}


def _port(entry: Mapping[str, Any]) -> Any:
    return entry.get("port"), entry.get("protocol", "TCP")


def _name(entry: Mapping[str, Any]) -> Any:
    return entry.get("name")


def _with_each(
    desired: Template, observed: Template, field: str, key: Callable[[Mapping[str, Any]], Any], taken: str
) -> Template:
    """With `taken` of the observed entries of a list in the spec, in those desired entries that have the same key."""
    ours, theirs = (_mapping(obj.get("spec")).get(field) for obj in (desired, observed))
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return desired
    known = {key(each): each for each in theirs if isinstance(each, dict)}
    entries = [_filled(e, known.get(key(e), {}), taken) if isinstance(e, dict) else e for e in ours]
    return {**desired, "spec": {**desired["spec"], field: entries}} if entries != ours else desired


def _filled(entry: dict[str, Any], seen: Mapping[str, Any], field: str) -> dict[str, Any]:
    """With a field as it was seen; of two mappings the keys that are missing."""
    if field not in seen:
        return entry
    ours, theirs = entry.get(field), seen[field]
    if isinstance(theirs, dict) and (ours is None or isinstance(ours, dict)):
        merged = ours or {}
        for name in theirs:
            merged = _filled(merged, theirs, name)
        return {**entry, field: merged} if merged != ours else entry
    return entry if field in entry else {**entry, field: theirs}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _with(desired: dict[str, Any], observed: Any, path: tuple[str, ...]) -> dict[str, Any]:
    field, rest = path[0], path[1:]
    if not isinstance(observed, dict) or field not in observed:
        return desired
    if not rest:
        return desired if field in desired else {**desired, field: observed[field]}
    inner = desired.get(field, {})
    return {**desired, field: _with(inner, observed[field], rest)} if isinstance(inner, dict) else desired
