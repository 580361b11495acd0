"""The scale subresource: replicas of any kind that has them, in one shape.

Reference: autoscaling/v1 Scale; `spec.versions[].subresources.scale` of CustomResourceDefinitions.
"""

from collections.abc import Mapping
from typing import Any, Final

from libs.sandbox import selectors
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object

_BUILT_IN: Final = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


def shown(resource: Resource, obj: Object, paths: Mapping[str, str] | None) -> Object:
    """The Scale of an object. `paths` say where a custom kind has its replicas; None stands for a built-in one."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    places = paths or _BUILT_IN
    status: dict[str, Any] = {"replicas": _get(obj, places["statusReplicasPath"]) or 0}
    selector = (
        selectors.text(obj["spec"].get("selector") or {})
        if paths is None
        else _get(obj, paths.get("labelSelectorPath") or "")
    )
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": _get(obj, places["specReplicasPath"]) or 0},
        "status": status,
    }


def scaled(obj: Object, scale: Object, paths: Mapping[str, str] | None) -> Object:
    """The object with the replicas that a Scale asks for, at the version that the Scale names."""
    wanted = int((scale.get("spec") or {}).get("replicas") or 0)
    *parents, last = _parts((paths or _BUILT_IN)["specReplicasPath"])
    made = dict(obj)
    place = made
    for part in parents:
        place[part] = dict(place.get(part) or {})
        place = place[part]
    place[last] = wanted
    version = (scale.get("metadata") or {}).get("resourceVersion")
    metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    return {**made, "metadata": metadata | {"resourceVersion": version or obj["metadata"]["resourceVersion"]}}


def _parts(path: str) -> list[str]:
    return path.strip(".").split(".")


def _get(obj: Object, path: str) -> Any:
    value: Any = obj
    for part in _parts(path):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
