"""The manifest that one member gets: template x binding x cluster (Karmada's binding controller, `ensureWorks`).

Order matters: replicas first, then overrides, so that an override of `/spec/replicas` beats the scheduler's number,
then the labels and annotations by which Argosy, and tools that know Karmada, find the object again.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from libs.common import names
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import Template
from libs.common.api.override import OverridePolicy
from libs.common.api.work import ResourceBinding
from libs.common.interpreter import registry
from libs.common.messages import Origin
from services.policy.core import completions, overrides

_encode = msgspec.json.Encoder(order="deterministic").encode


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """One member's manifest, ready to travel."""

    api_version: str
    kind: str
    namespace: str
    name: str
    manifest: bytes
    digest: str
    """Over the manifest and the three flags."""
    conflict_resolution: str
    preserve_on_deletion: bool
    suspended: bool


def targets(binding: ResourceBinding) -> dict[str, int]:
    """Replicas by cluster: the clusters chosen, then those where bindings that need this one run."""
    result = {c.name: c.replicas for c in binding.spec.clusters or ()}
    for snapshot in binding.spec.required_by or ():
        for cluster in snapshot.clusters or ():
            result.setdefault(cluster.name, cluster.replicas)
    return result


def render(
    template: Template,
    binding: ResourceBinding,
    cluster: Cluster,
    policies: Sequence[OverridePolicy],
) -> Rendered:
    """What `cluster` gets of `template` under `binding`.

    Args:
        policies: override policies that exist, cluster-wide ones among them.

    Raises:
        OverrideError: an override policy does not fit the object; the message names policy and field.
    """
    spec, name = binding.spec, cluster.metadata.name
    replicas = targets(binding)
    workload = spec.replicas > 0 or spec.replica_requirements is not None or bool(spec.components)
    manifest = template
    if workload and registry.enabled("ReviseReplica", template["apiVersion"], template["kind"]):
        manifest = registry.revise_replica(manifest, replicas[name])
    manifest = completions.divide(manifest, binding, replicas, name)
    manifest = overrides.apply(manifest, cluster, policies)
    conflict = conflict_resolution(template, spec.conflict_resolution)
    manifest = _marked(registry.prune(manifest), template, binding, name, cluster.metadata.uid, conflict)
    return finish(
        manifest,
        conflict=conflict,
        preserve=bool(spec.preserve_resources_on_deletion),
        suspended=suspended(binding, name),
    )


def render_namespace(namespace: Template, cluster: Cluster, policies: Sequence[OverridePolicy]) -> Rendered:
    """The copy of a hub Namespace that every member gets (Karmada's namespace-sync controller)."""
    manifest = overrides.apply(namespace, cluster, [p for p in policies if not p.metadata.namespace])
    conflict = conflict_resolution(namespace, "Abort")
    own = {k: v for k, v in registry.prune(manifest).items() if k != "spec"}
    labels = {**(own["metadata"].get("labels") or {}), wellknown.MANAGED_LABEL: wellknown.MANAGED_VALUE}
    notes = {
        **(own["metadata"].get("annotations") or {}),
        **_template_notes(namespace),
        **_work_notes(own, cluster.metadata.name),
        wellknown.CONFLICT_RESOLUTION_ANNOTATION: conflict,
    }
    return finish(_with_record(own, labels, notes), conflict=conflict, preserve=False, suspended=False)


def finish(manifest: Template, *, conflict: str, preserve: bool, suspended: bool) -> Rendered:
    """Encodes a manifest and digests it with its flags."""
    body = _encode(manifest)
    flags = f"{conflict}/{preserve}/{suspended}".encode()
    metadata = manifest["metadata"]
    return Rendered(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        manifest=body,
        digest=hashlib.blake2b(body + flags, digest_size=16).hexdigest(),
        conflict_resolution=conflict,
        preserve_on_deletion=preserve,
        suspended=suspended,
    )


def conflict_resolution(template: Template, preference: str) -> str:
    """What happens to an object that a member already has: the template's own word goes before the policy's."""
    own = (template["metadata"].get("annotations") or {}).get(wellknown.CONFLICT_RESOLUTION_ANNOTATION)
    if own in (wellknown.CONFLICT_OVERWRITE, wellknown.CONFLICT_ABORT):
        return str(own)
    return wellknown.CONFLICT_OVERWRITE if preference == "Overwrite" else wellknown.CONFLICT_ABORT


def suspended(binding: ResourceBinding, cluster: str) -> bool:
    """Whether dispatching to `cluster` is suspended."""
    suspension = binding.spec.suspension
    if suspension is None:
        return False
    named = suspension.dispatching_on_clusters
    return bool(suspension.dispatching) or (named is not None and cluster in (named.cluster_names or ()))


def origin_of(binding: ResourceBinding) -> Origin:
    return Origin(
        kind=wellknown.RESOURCE_BINDING if binding.metadata.namespace else wellknown.CLUSTER_RESOURCE_BINDING,
        namespace=binding.metadata.namespace,
        name=binding.metadata.name,
        uid=binding.metadata.uid,
    )


def _marked(
    manifest: Template, template: Template, binding: ResourceBinding, cluster: str, cluster_uid: str, conflict: str
) -> Template:
    metadata, owner = manifest["metadata"], binding.metadata
    labels = {
        **(metadata.get("labels") or {}),
        wellknown.MANAGED_LABEL: wellknown.MANAGED_VALUE,
        wellknown.WORK_ID_LABEL: _work_id(owner.uid, cluster_uid),
        wellknown.BINDING_ID_LABEL if owner.namespace else wellknown.CLUSTER_BINDING_ID_LABEL: owner.uid,
    }
    notes = {
        **(metadata.get("annotations") or {}),
        **_template_notes(template),
        **_work_notes(manifest, cluster),
        wellknown.CONFLICT_RESOLUTION_ANNOTATION: conflict,
    }
    if owner.namespace:
        notes[wellknown.BINDING_NAMESPACE_ANNOTATION] = owner.namespace
        notes[wellknown.BINDING_NAME_ANNOTATION] = owner.name
    else:
        notes[wellknown.CLUSTER_BINDING_NAME_ANNOTATION] = owner.name
    return _with_record(manifest, labels, notes)


def _work_id(origin_uid: str, cluster_uid: str) -> str:
    """The permanent id of a work: a uuid that follows from what it is of."""
    text = hashlib.sha1(f"{origin_uid}/{cluster_uid}".encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def _template_notes(template: Template) -> dict[str, str]:
    metadata = template["metadata"]
    notes = {wellknown.TEMPLATE_UID_ANNOTATION: metadata["uid"]}
    if metadata.get("generation"):
        notes[wellknown.TEMPLATE_GENERATION_ANNOTATION] = str(metadata["generation"])
    return notes


def _work_notes(manifest: Template, cluster: str) -> dict[str, str]:
    metadata = manifest["metadata"]
    return {
        wellknown.WORK_NAMESPACE_ANNOTATION: names.execution_namespace(cluster),
        wellknown.WORK_NAME_ANNOTATION: names.work_name(
            manifest["kind"], metadata.get("namespace", ""), metadata["name"]
        ),
    }


def _with_record(manifest: Template, labels: dict[str, str], notes: dict[str, str]) -> Template:
    """Adds the record of which keys are managed, which is how a key that leaves the template leaves the member too."""
    keys = {*notes, wellknown.MANAGED_ANNOTATIONS_ANNOTATION, wellknown.MANAGED_LABELS_ANNOTATION}
    notes = {
        **notes,
        wellknown.MANAGED_ANNOTATIONS_ANNOTATION: ",".join(sorted(keys)),
        wellknown.MANAGED_LABELS_ANNOTATION: ",".join(sorted(labels)),
    }
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels, "annotations": notes}}
