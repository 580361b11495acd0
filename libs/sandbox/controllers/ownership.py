"""Who controls what: a controller adopts what it selects and nobody controls, and lets go of what it no longer selects.

Upstream: k8s.io/kubernetes pkg/controller/controller_ref_manager.go.
"""

from collections.abc import Iterable

from libs.sandbox.controllers import objects
from libs.sandbox.controllers.actions import Replace
from libs.sandbox.controllers.objects import Object
from libs.sandbox.kinds import Resource


def changes(
    resource: Resource, owner: Object, owner_resource: Resource, mine: Iterable[Object], loose: Iterable[Object]
) -> list[Replace]:
    """The adoptions and releases to be made: none of a deleted owner's."""
    if objects.terminating(owner):
        return []
    selector = owner["spec"].get("selector")
    released = [_without(each, owner) for each in mine if not objects.selects(selector, objects.labels(each))]
    reference = objects.owner_reference(owner_resource.api_version, owner_resource.kind, owner)
    adopted = [
        objects.with_metadata(each, ownerReferences=[*objects.owners(each), reference])
        for each in loose
        if objects.selects(selector, objects.labels(each)) and not objects.terminating(each)
    ]
    return [Replace(resource=resource, body=each) for each in (*released, *adopted)]


def _without(obj: Object, owner: Object) -> dict[str, object]:
    left = [each for each in objects.owners(obj) if each["uid"] != objects.uid(owner)]
    return objects.with_metadata(obj, ownerReferences=left)
