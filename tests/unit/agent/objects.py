"""Works and member objects that the agent's tests speak of."""

from typing import Any

import msgspec

from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.messages import Order, Origin, Removal, TemplateRef, Work
from services.agent.core import identity
from services.agent.core.identity import Identity

ME = Identity(hub_uid="hub", cluster="member1", cluster_uid="cluster")
ORIGIN = Origin(kind="ResourceBinding", namespace="demo", name="settings-configmap", uid="binding")


def manifest(**parts: Any) -> Template:
    """A ConfigMap as policy renders it: claims, records of managed keys and all."""
    labels = {"app": "settings", wellknown.MANAGED_LABEL: "true", **parts.pop("labels", {})}
    notes = {wellknown.TEMPLATE_UID_ANNOTATION: parts.pop("uid", "template"), **parts.pop("annotations", {})}
    keys = {*notes, wellknown.MANAGED_ANNOTATIONS_ANNOTATION, wellknown.MANAGED_LABELS_ANNOTATION}
    notes |= {
        wellknown.MANAGED_ANNOTATIONS_ANNOTATION: ",".join(sorted(keys)),
        wellknown.MANAGED_LABELS_ANNOTATION: ",".join(sorted(labels)),
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "demo", "labels": labels, "annotations": notes},
        "data": {"colour": "blue"},
        **parts,
    }


def work(seq: int = 5, **parts: Any) -> Work:
    """A work for the ConfigMap demo/settings."""
    template = TemplateRef(
        api_version="v1", kind="ConfigMap", namespace="demo", name="settings", uid=parts.pop("template_uid", "template")
    )
    made = Work(
        op="apply",
        hub_uid="hub",
        cluster="member1",
        cluster_uid="cluster",
        origin=ORIGIN,
        template=template,
        order=Order(epoch=1, seq=seq),
        digest="digest",
        api_version="v1",
        kind="ConfigMap",
        namespace="demo",
        name="settings",
    )
    return msgspec.structs.replace(made, **parts)


def standing(made: Template | None = None, seq: int = 4, **metadata: Any) -> Template:
    """What the member holds after an agent has created `made` for a work of that order."""
    marked = identity.marked(made or manifest(), work(seq), ME.owner)
    server = {"uid": "member-uid", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**marked, "metadata": {**marked["metadata"], **server, **metadata}}


def removal(**parts: Any) -> Removal:
    """The order to take demo/settings away."""
    own = Removal(api_version="v1", kind="ConfigMap", namespace="demo", name="settings", template_uid="template")
    return msgspec.structs.replace(own, **parts)


def with_labels(obj: Template, **changes: str | None) -> Template:
    """The object with labels changed by hand; None takes one away."""
    labels = {**obj["metadata"]["labels"], **{k: v for k, v in changes.items() if v is not None}}
    labels = {k: v for k, v in labels.items() if changes.get(k, "") is not None}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def with_annotations(obj: Template, changes: dict[str, str | None]) -> Template:
    """The object with annotations changed by hand; None takes one away."""
    notes = {**obj["metadata"]["annotations"], **changes}
    return {**obj, "metadata": {**obj["metadata"], "annotations": {k: v for k, v in notes.items() if v is not None}}}
