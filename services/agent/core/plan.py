"""What one work asks of one object in a member, given what stands there.

The whole object is computed and replaced, as Karmada does (its `objectwatcher`): what a hand has added to the parts
that the template speaks of goes away again, what the member's own controllers write is retained.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import msgspec

from libs.common.api import adoption, wellknown
from libs.common.api.meta import Template
from libs.common.messages import Removal, Work
from services.agent.core import allotted, identity, ownership
from services.agent.core.actions import Absent, Action, Create, Delete, Keep, Refuse, Release, Replace, Stale, Wait
from services.agent.core.identity import Identity, Marks, ObjectName

Retain: TypeAlias = Callable[[Template, Template], Template]
"""Takes (desired, observed) and returns the desired object with what the member may keep."""
Prune: TypeAlias = Callable[[Template], Template]
"""Takes an object and returns what of it is content: no status, no server's metadata."""

_KEPT_OF_OBSERVED = ("resourceVersion", "finalizers", "ownerReferences")
_UNCOMPARED = (wellknown.ORDER_ANNOTATION, wellknown.DIGEST_ANNOTATION)


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What would go along with a Namespace or a CustomResourceDefinition."""

    wanted: int = 0
    """Objects in it that works still ask for."""
    unmanaged: Collection[str] = ()
    """Objects in it that are not ours."""


EMPTY = Contents()


def apply(
    work: Work,
    manifest: Template,
    observed: Template | None,
    me: Identity,
    *,
    retain: Retain,
    prune: Prune,
    others: Collection[str] = (),
) -> Action:
    """What makes the member have `manifest`, the content of `work`, once what the work orders away is gone.

    An object of ours that was made from another template and is not ordered away is taken over in place: a deletion
    needs an order that names the template's uid.

    Args:
        others: uids of other origins that ask for the same object, from another template.
    """
    mine = identity.marked(manifest, work, me.owner)
    if observed is None:
        return Create(body=_created(mine))
    name, found = identity.target(work), identity.marks_of(observed)
    if found.owner != me.owner and work.conflict_resolution != wellknown.CONFLICT_OVERWRITE:
        return Refuse(message=ownership.refusal(name, me.cluster))
    if found.owner == me.owner and found.origin is not None and found.origin.uid in others:
        return Refuse(message=ownership.taken(name, me.cluster, found.origin))
    if found.owner == me.owner and found.order > work.order and _is_of(found, work):
        return Stale()
    if found.deleting:
        return Wait(reason=f"{name} is being deleted in the cluster {me.cluster}")
    desired = allotted.keep(retain(_merged(mine, observed), observed), observed)
    if _content(prune(desired)) == _content(prune(observed)):
        return Keep()
    return Replace(body=desired)


def remove(
    removal: Removal,
    work: Work,
    observed: Template | None,
    me: Identity,
    *,
    preserve: bool = False,
    contents: Contents = EMPTY,
    claimed: bool = False,
) -> Action:
    """What makes the member no longer have the object that `removal`, a part of `work`, names.

    Args:
        preserve: leave the object behind, released.
        contents: what is inside; only asked for containers (`ownership.is_container`).
        claimed: another origin asks for the same object, which therefore stays.
    """
    if observed is None or claimed:
        return Absent()
    found = identity.marks_of(observed)
    if found.owner != me.owner or found.template_uid != removal.template_uid:
        return Absent()
    if found.origin is not None and not _is_of(found, work):
        return Absent()
    if found.order > work.order:
        return Stale()
    name = removed(removal)
    if found.deleting:
        return Wait(reason=f"{name} is being deleted in the cluster {me.cluster}")
    if preserve:
        return Release(body=ownership.released(observed))
    if ownership.is_container(name):
        if contents.wanted:
            return Wait(reason=f"{name} still holds {contents.wanted} objects that other works ask for")
        if contents.unmanaged or not found.created:
            return Release(body=ownership.released(observed))
    return _delete(observed)


def removed(removal: Removal) -> ObjectName:
    """The object that a removal names."""
    return ObjectName(
        api_version=removal.api_version, kind=removal.kind, namespace=removal.namespace, name=removal.name
    )


def removals(work: Work) -> list[Removal]:
    """Everything that a work orders away: a tombstone its own object too.

    What a work asks for is not ordered away by it, whatever the message says; nor is the same object of an earlier
    template, if its kind is one that is taken over.
    """
    own = Removal(
        api_version=work.api_version,
        kind=work.kind,
        namespace=work.namespace,
        name=work.name,
        template_uid=work.template.uid,
    )
    if work.op == "delete":
        return list(dict.fromkeys([own, *work.removes]))
    name, adopted = identity.target(work), adoption.is_adopted(work.api_version, work.kind)
    return [
        r
        for r in dict.fromkeys(work.removes)
        if removed(r) != name or (r.template_uid != own.template_uid and not adopted)
    ]


def _is_of(found: Marks, work: Work) -> bool:
    """Whether the object was last written for the origin of that name: only then can orders be compared."""
    origin = found.origin
    return origin is not None and (origin.kind, origin.namespace, origin.name) == (
        work.origin.kind,
        work.origin.namespace,
        work.origin.name,
    )


def _delete(observed: Template) -> Delete:
    metadata = observed["metadata"]
    return Delete(uid=metadata["uid"], resource_version=metadata["resourceVersion"])


def _created(mine: Template) -> Template:
    metadata = mine["metadata"]
    notes = {**metadata["annotations"], wellknown.CREATED_ANNOTATION: "true"}
    return {**mine, "metadata": {**metadata, "annotations": notes}}


def _merged(mine: Template, observed: Template) -> Template:
    """The desired object over the observed one: foreign labels and annotations stay, unless the template had them."""
    theirs = observed["metadata"]
    notes = theirs.get("annotations") or {}
    metadata: dict[str, Any] = {
        **{k: v for k, v in mine["metadata"].items() if k not in _KEPT_OF_OBSERVED},
        **{k: theirs[k] for k in _KEPT_OF_OBSERVED if k in theirs},
        "labels": _over(mine, theirs.get("labels"), "labels", notes.get(wellknown.MANAGED_LABELS_ANNOTATION)),
        "annotations": _over(mine, notes, "annotations", notes.get(wellknown.MANAGED_ANNOTATIONS_ANNOTATION)),
    }
    return {**mine, "metadata": metadata}


def _over(mine: Template, theirs: Mapping[str, str] | None, field: str, record: str | None) -> dict[str, str]:
    managed = frozenset(record.split(",")) if record else frozenset()
    return {**{k: v for k, v in (theirs or {}).items() if k not in managed}, **mine["metadata"][field]}


def _content(pruned: Template) -> Template:
    """What is compared: not the marks that say when we wrote, or every repeated order would cause a write."""
    metadata = dict(pruned.get("metadata") or {})
    for field in ("labels", "annotations"):
        kept = ownership.without(metadata.pop(field, None) or {}, _UNCOMPARED)
        if kept:
            metadata[field] = kept
    return {**pruned, "metadata": metadata}
