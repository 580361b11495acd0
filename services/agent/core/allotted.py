"""What a member's own admission fills in when an object is created, and what cannot or should not be taken back.

Karmada's retain rules do not know these fields: it puts such an object again and again, or is refused for ever.
"""

from typing import Any, Final

from libs.common.api.meta import Template

_FIELDS: Final[dict[tuple[str, str], tuple[tuple[str, ...], ...]]] = {
    # its finalizers; a write that leaves them out changes nothing
    ("v1", "Namespace"): (("spec",),),
    # the member's default class, immutable once set
    ("v1", "PersistentVolumeClaim"): (("spec", "storageClassName"), ("spec", "volumeMode")),
    # the member's default class, given at creation only
    ("networking.k8s.io/v1", "Ingress"): (("spec", "ingressClassName"),),
}


def keep(desired: Template, observed: Template) -> Template:
    """The desired object with such fields of the observed one, where the template says nothing of them."""
    for path in _FIELDS.get((desired.get("apiVersion", ""), desired.get("kind", "")), ()):
        desired = _with(desired, observed, path)
    return desired


def _with(desired: dict[str, Any], observed: Any, path: tuple[str, ...]) -> dict[str, Any]:
    field, rest = path[0], path[1:]
    if not isinstance(observed, dict) or field not in observed:
        return desired
    if not rest:
        return desired if field in desired else {**desired, field: observed[field]}
    inner = desired.get(field, {})
    return {**desired, field: _with(inner, observed[field], rest)} if isinstance(inner, dict) else desired
