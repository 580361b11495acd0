"""Who an agent is, and what marks an object as its own: the label, the annotations, and how they are read back."""

import msgspec

from libs.common import names
from libs.common.api import wellknown
from libs.common.api.meta import ObjectMeta, Template
from libs.common.messages import Order, Origin, Work


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """For which hub an agent acts, and as which cluster."""

    hub_uid: str
    cluster: str
    cluster_uid: str

    @property
    def owner(self) -> str:
        """The value of the owner label on everything this agent manages."""
        return names.owner_hash(self.hub_uid, self.cluster_uid)


class ObjectName(msgspec.Struct, frozen=True, kw_only=True):
    """Names one object of a member, kind and API version included."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a member object about where it comes from. All of it can be missing or tampered with."""

    owner: str = ""
    template_uid: str = ""
    origin: Origin | None = None
    order: Order = Order()
    digest: str = ""
    created: bool = False
    deleting: bool = False


def target(work: Work) -> ObjectName:
    """The object that a work is about."""
    return ObjectName(api_version=work.api_version, kind=work.kind, namespace=work.namespace, name=work.name)


def namespace(name: str) -> ObjectName:
    """The Namespace of that name."""
    return ObjectName(api_version="v1", kind="Namespace", name=name)


def marks(metadata: ObjectMeta) -> Marks:
    """Reads an object's marks; what is malformed counts as missing."""
    notes = metadata.annotations or {}
    return Marks(
        owner=(metadata.labels or {}).get(wellknown.OWNER_LABEL, ""),
        template_uid=notes.get(wellknown.TEMPLATE_UID_ANNOTATION, ""),
        origin=parse_origin(notes.get(wellknown.ORIGIN_ANNOTATION, "")),
        order=parse_order(notes.get(wellknown.ORDER_ANNOTATION, "")),
        digest=notes.get(wellknown.DIGEST_ANNOTATION, ""),
        created=notes.get(wellknown.CREATED_ANNOTATION) == "true",
        deleting=metadata.deletion_timestamp is not None,
    )


def marks_of(observed: Template) -> Marks:
    """The marks of an object that is at hand whole."""
    return marks(msgspec.convert(observed.get("metadata") or {}, ObjectMeta))


def marked(manifest: Template, work: Work, owner: str) -> Template:
    """The manifest with our label and annotations. The record of managed keys does not name them, on purpose: what an
    agent adds is not the template's, and stays when the template's keys change."""
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), wellknown.OWNER_LABEL: owner},
            "annotations": {
                **(metadata.get("annotations") or {}),
                wellknown.ORIGIN_ANNOTATION: render_origin(work.origin),
                wellknown.ORDER_ANNOTATION: render_order(work.order),
                wellknown.DIGEST_ANNOTATION: work.digest,
            },
        },
    }


def render_order(order: Order) -> str:
    return f"{order.epoch}.{order.seq}"


def parse_order(text: str) -> Order:
    """The inverse of `render_order`; zero for anything else."""
    epoch, _, seq = text.partition(".")
    if not (epoch.isdecimal() and seq.isdecimal()):
        return Order()
    return Order(epoch=int(epoch), seq=int(seq))


def render_origin(origin: Origin) -> str:
    return f"{origin.kind}/{origin.namespace}/{origin.name}/{origin.uid}"


def parse_origin(text: str) -> Origin | None:
    """The inverse of `render_origin`; None for anything else."""
    parts = text.split("/")
    if len(parts) != 4:
        return None
    kind, namespace, name, uid = parts
    return Origin(kind=kind, namespace=namespace, name=name, uid=uid) if kind and name and uid else None
