"""Which works must be published for one origin, given what the stream holds and what agents report gone.

The stream keeps the last value per subject only, and a value can be overwritten before its agent saw it. So a work
carries along (`removes`) whatever stood on its subject before, until the agent has reported it gone.
"""

from collections.abc import Iterable, Mapping

import msgspec

from libs.common.api import adoption
from libs.common.messages import Gone, Order, Origin, Removal, TemplateRef, Work
from services.policy.core.leaving import Leaving, covers
from services.policy.core.render import Rendered


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What the stream WORKS holds on one subject, without the manifest."""

    seq: int
    op: str
    cluster_uid: str
    origin: Origin
    template: TemplateRef
    order: Order
    digest: str
    api_version: str
    kind: str
    namespace: str
    name: str
    removes: tuple[Removal, ...]
    preserve: bool
    doubted: bool = False
    """Its agent may not go by it: it is to be sent once more."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A work to be published; it gets its order when it goes out."""

    cluster: str
    work: Work
    expected_seq: int
    """Of the last message on the subject; 0: there is none."""


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """A tombstone that the agent has reported gone."""

    cluster: str
    seq: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    publications: list[Publication]
    purges: list[Purge]
    strays: list[str]
    """Clusters that hold a work which neither the targets nor the durable record of what is being left explain."""


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """What an origin wants now."""

    hub_uid: str
    origin: Origin
    template: TemplateRef
    targets: Mapping[str, Rendered]
    leaving: Mapping[str, Leaving]
    uids: Mapping[str, str]
    """Of the Clusters that exist, by name."""
    preserve: bool = False
    held: frozenset[str] = frozenset()
    """Clusters whose work stays as it is: their manifest cannot be rendered now."""


def removes(work: Work) -> bool:
    """Whether a work orders anything away."""
    return work.op == "delete" or bool(work.removes)


def published(work: Work, seq: int) -> Published:
    """The part of a work that policy remembers."""
    return Published(
        seq=seq,
        op=work.op,
        cluster_uid=work.cluster_uid,
        origin=work.origin,
        template=work.template,
        order=work.order,
        digest=work.digest,
        api_version=work.api_version,
        kind=work.kind,
        namespace=work.namespace,
        name=work.name,
        removes=tuple(work.removes),
        preserve=work.preserve_on_deletion,
    )


def plan(desired: Desired, standing: Mapping[str, Published], gone: Mapping[str, Gone]) -> Plan:
    """Compares what an origin wants with what stands on its subjects, cluster by cluster."""
    publications: list[Publication] = []
    for cluster, rendered in desired.targets.items():
        work = _apply(desired, cluster, rendered, standing.get(cluster), gone.get(cluster))
        if work is not None:
            publications.append(_publication(cluster, work, standing))
    purges: list[Purge] = []
    for cluster, entry in desired.leaving.items():
        before = standing.get(cluster)
        left = covers(gone.get(cluster), entry)
        if left and before is not None and before.op == "delete":
            purges.append(Purge(cluster=cluster, seq=before.seq))
        elif _wants(before) or (not left and not _is_tombstone(desired, cluster, entry, before)):
            publications.append(_publication(cluster, _tombstone(desired, cluster, entry, before), standing))
    explained = desired.targets.keys() | desired.leaving.keys() | desired.held
    strays = [c for c, p in standing.items() if c not in explained and not finished(p, gone.get(c))]
    purges += [
        Purge(cluster=c, seq=p.seq) for c, p in standing.items() if c not in explained and finished(p, gone.get(c))
    ]
    return Plan(publications=publications, purges=purges, strays=sorted(strays))


def _publication(cluster: str, work: Work, standing: Mapping[str, Published]) -> Publication:
    before = standing.get(cluster)
    return Publication(cluster=cluster, work=work, expected_seq=before.seq if before is not None else 0)


def _apply(
    desired: Desired, cluster: str, rendered: Rendered, before: Published | None, gone: Gone | None
) -> Work | None:
    removes = _carried(desired, rendered, before, gone)
    same = (
        before is not None
        and before.op == "apply"
        and not before.doubted
        and before.digest == rendered.digest
        and before.origin == desired.origin
        and before.template.uid == desired.template.uid
        and before.cluster_uid == desired.uids.get(cluster)
        and set(removes) == set(before.removes)
    )
    if same:
        return None
    return Work(
        op="apply",
        hub_uid=desired.hub_uid,
        cluster=cluster,
        cluster_uid=desired.uids[cluster],
        origin=desired.origin,
        template=desired.template,
        order=Order(),
        digest=rendered.digest,
        api_version=rendered.api_version,
        kind=rendered.kind,
        namespace=rendered.namespace,
        name=rendered.name,
        manifest=msgspec.Raw(rendered.manifest),
        conflict_resolution="overwrite" if rendered.conflict_resolution == "overwrite" else "abort",
        preserve_on_deletion=rendered.preserve_on_deletion,
        suspended=rendered.suspended,
        removes=removes,
    )


def _carried(desired: Desired, rendered: Rendered, before: Published | None, gone: Gone | None) -> list[Removal]:
    """What stood on the subject before and is not yet known to be gone, less what the new work itself names."""
    if before is None or finished(before, gone):
        return []
    old = [*before.removes, _itself(before)]
    if before.op == "delete" and before.preserve:
        old = list(before.removes)
    current = gone is not None and gone.cluster_uid == before.cluster_uid and gone.order >= before.order
    reported = set(gone.removed) if gone is not None and current else set()
    kept = [r for r in old if r not in reported and not _continues(r, desired, rendered)]
    return list(dict.fromkeys(kept))


def _continues(removal: Removal, desired: Desired, rendered: Rendered) -> bool:
    """Whether the new work brings the same object again, or one that is adopted instead of made anew."""
    same_object = (removal.api_version, removal.kind, removal.namespace, removal.name) == (
        rendered.api_version,
        rendered.kind,
        rendered.namespace,
        rendered.name,
    )
    return same_object and (
        removal.template_uid == desired.template.uid or adoption.is_adopted(removal.api_version, removal.kind)
    )


def _tombstone(desired: Desired, cluster: str, entry: Leaving, before: Published | None) -> Work:
    identity = _itself(before) if before is not None else _from_template(desired.template)
    return Work(
        op="delete",
        hub_uid=desired.hub_uid,
        cluster=cluster,
        cluster_uid=entry.uid,
        origin=before.origin if before is not None else desired.origin,
        template=before.template if before is not None else desired.template,
        order=Order(),
        api_version=identity.api_version,
        kind=identity.kind,
        namespace=identity.namespace,
        name=identity.name,
        preserve_on_deletion=desired.preserve or entry.keep,
        removes=list(before.removes) if before is not None else [],
    )


def _wants(before: Published | None) -> bool:
    """Whether the stream says that the object is to stand, also if it says so again: it may have been put back."""
    return before is not None and before.op == "apply"


def _is_tombstone(desired: Desired, cluster: str, entry: Leaving, before: Published | None) -> bool:
    """Whether the order to leave already stands, as late as the durable record says."""
    return (
        before is not None
        and before.op == "delete"
        and not before.doubted
        and before.cluster_uid == entry.uid
        and before.order >= entry.order
        and before.preserve == (desired.preserve or entry.keep)
    )


def finished(before: Published, gone: Gone | None) -> bool:
    """Whether a tombstone's work is done."""
    return (
        before.op == "delete"
        and gone is not None
        and gone.cluster_uid == before.cluster_uid
        and gone.order >= before.order
    )


def _itself(before: Published) -> Removal:
    return Removal(
        api_version=before.api_version,
        kind=before.kind,
        namespace=before.namespace,
        name=before.name,
        template_uid=before.template.uid,
    )


def _from_template(template: TemplateRef) -> Removal:
    return Removal(
        api_version=template.api_version,
        kind=template.kind,
        namespace=template.namespace,
        name=template.name,
        template_uid=template.uid,
    )


def highest_order(standing: Iterable[Published]) -> Order:
    """The highest order that a stream holds."""
    return max((p.order for p in standing), default=Order())
