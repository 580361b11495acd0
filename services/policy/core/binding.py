"""What a ResourceBinding or ClusterResourceBinding must say: template and policy in, binding out.

Fields that others own (the user's scheduling suspension, `requiredBy`, eviction tasks, status) are carried over as they
stand. Karmada's detector is the model for each field.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from libs.common import difference, names
from libs.common.api import wellknown
from libs.common.api.meta import ObjectMeta, OwnerReference, Template
from libs.common.api.policy import Placement, PropagationPolicy, PropagationSpec
from libs.common.api.work import (
    BindingSchedulePriority,
    BindingSpec,
    BindingSuspension,
    Component,
    ObjectReference,
    ReplicaRequirements,
    ResourceBinding,
    TargetCluster,
    WorkloadAffinityGroups,
)
from libs.common.interpreter import registry
from libs.common.messages import Order, Placed
from services.policy.core import explanations, leaving, matching
from services.policy.core.keys import parsed, with_changes

API_VERSION = "work.karmada.io/v1alpha2"


class Interpretation(msgspec.Struct, frozen=True, kw_only=True):
    """What the interpreter reads in a template: how many replicas it asks for, and what each needs."""

    replicas: int = 0
    requirements: ReplicaRequirements | None = None
    components: list[Component] | None = None

    @property
    def workload(self) -> bool:
        """Whether it has replicas at all; a Deployment of 0 replicas with requirements is still a workload."""
        return self.replicas > 0 or self.requirements is not None or bool(self.components)


def desired(
    name: str,
    template: Template,
    policy: PropagationPolicy,
    interpretation: Interpretation,
    existing: ResourceBinding | None,
    *,
    priority: BindingSchedulePriority | None = None,
) -> ResourceBinding:
    """The binding of `template` under `policy`, with the clusters it has now and that scheduling priority."""
    metadata = template["metadata"]
    namespace = metadata.get("namespace", "")
    old = existing.spec if existing is not None else None
    spec = policy.spec
    return ResourceBinding(
        api_version=API_VERSION,
        kind="ResourceBinding" if namespace else "ClusterResourceBinding",
        metadata=_metadata(name, template, policy, existing),
        spec=BindingSpec(
            resource=ObjectReference(
                api_version=template["apiVersion"],
                kind=template["kind"],
                namespace=namespace,
                name=metadata["name"],
                uid=metadata["uid"],
                resource_version=metadata.get("resourceVersion", ""),
            ),
            propagate_deps=spec.propagate_deps,
            replicas=interpretation.replicas,
            replica_requirements=interpretation.requirements,
            components=interpretation.components,
            placement=spec.placement,
            scheduler_name=spec.scheduler_name or "default-scheduler",
            failover=spec.failover,
            conflict_resolution=spec.conflict_resolution or "Abort",
            preserve_resources_on_deletion=spec.preserve_resources_on_deletion,
            suspension=_suspension(spec, old.suspension if old is not None else None),
            workload_affinity_groups=_affinity_groups(spec.placement, metadata.get("labels") or {}),
            clusters=old.clusters if old is not None else None,
            graceful_eviction_tasks=old.graceful_eviction_tasks if old is not None else None,
            required_by=old.required_by if old is not None else None,
            reschedule_triggered_at=old.reschedule_triggered_at if old is not None else None,
            schedule_priority=priority if namespace else None,
        ),
    )


def placed(
    binding: ResourceBinding,
    answer: Placed,
    *,
    inputs_digest: str,
    uids: Mapping[str, str],
    order: Order,
    now: str,
    keep: Collection[str] = (),
) -> ResourceBinding:
    """The binding with the scheduler's decision in it, and with what the next decision needs.

    A failure to fit takes all clusters away, as in Karmada; any other failure leaves them as they are.

    Args:
        inputs_digest: of what the decision was made from.
        uids: of the Clusters that exist, by name.
        order: of this decision; clusters that are dropped are left since then.
        now: RFC 3339 time of the decision.
        keep: clusters that are being unjoined and keep what they run.
    """
    before = binding.spec.clusters or []
    if answer.failure is None:
        chosen = [TargetCluster(name=c.name, replicas=c.replicas, components=c.components) for c in answer.clusters]
    elif answer.failure == "NoClusterFit":
        chosen = []
    else:
        chosen = before
    notes = dict(binding.metadata.annotations or {})
    chosen_names = {c.name for c in chosen}
    left = leaving.after(
        leaving.parse(notes.get(wellknown.LEAVING_ANNOTATION)),
        dropped=[c.name for c in before if c.name not in chosen_names],
        chosen=chosen_names,
        uids=uids,
        order=order,
        keep=keep,
    )
    changes: dict[str, str | None] = {
        wellknown.DIGEST_ANNOTATION: inputs_digest,
        wellknown.LEAVING_ANNOTATION: leaving.render(left),
        wellknown.SCHEDULED_ANNOTATION: scheduled_note(answer, binding, chosen != before, now),
        wellknown.UNJOINED_ANNOTATION: None,
        wellknown.EXPLANATION_ANNOTATION: _explained(notes, answer, same=chosen == before),
    }
    if answer.failure in (None, "NoClusterFit"):
        changes[wellknown.APPLIED_PLACEMENT_ANNOTATION] = placement_json(binding.spec.placement)
        changes[wellknown.AFFINITY_NAME_ANNOTATION] = answer.affinity_name or None
    return msgspec.structs.replace(
        binding,
        metadata=msgspec.structs.replace(binding.metadata, annotations=with_changes(notes, changes)),
        spec=msgspec.structs.replace(binding.spec, clusters=chosen or None),
    )


def _explained(notes: Mapping[str, str], answer: Placed, *, same: bool) -> str | None:
    """The explanation in short. An equal decision keeps the one it has: it is no reason to write."""
    known = notes.get(wellknown.EXPLANATION_ANNOTATION)
    return known if known is not None and same else explanations.short(answer)


class ScheduledNote(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How the last decision ended, in short; stands in an annotation of the binding."""

    time: str
    failure: str = ""
    message: str = ""


_decode_note = msgspec.json.Decoder(ScheduledNote).decode


def interpret(template: Template) -> Interpretation:
    """What the interpreter says of a template. Raises InterpretError for one that it cannot read."""
    replicas, requirements = registry.replicas(template)
    return Interpretation(
        replicas=replicas, requirements=requirements, components=registry.components(template) or None
    )


def released(binding: ResourceBinding, claim: matching.ClaimRef) -> ResourceBinding:
    """The binding without a claim, if it is that one; where it runs stays as it is."""
    if matching.claim_of(binding.metadata) != claim:
        return binding
    labels, notes = matching.release_metadata(claim)
    metadata = msgspec.structs.replace(
        binding.metadata,
        labels=with_changes(binding.metadata.labels or {}, labels),
        annotations=with_changes(binding.metadata.annotations or {}, notes),
    )
    return msgspec.structs.replace(binding, metadata=metadata)


def anew(binding: ResourceBinding) -> ResourceBinding:
    """The same binding as an object that is yet to be made."""
    old = binding.metadata
    metadata = ObjectMeta(
        name=old.name,
        namespace=old.namespace,
        labels=old.labels,
        annotations=old.annotations,
        finalizers=[finalizer(old.namespace)],
        owner_references=old.owner_references,
    )
    return msgspec.structs.replace(binding, metadata=metadata, status=None)


def scheduled_of(binding: ResourceBinding) -> ScheduledNote | None:
    """The note on the last decision; None before the first, or if a hand has written something else there."""
    return parsed((binding.metadata.annotations or {}).get(wellknown.SCHEDULED_ANNOTATION), _decode_note)


def scheduled_note(answer: Placed, binding: ResourceBinding, moved: bool, now: str) -> str:
    """The note's text. The same outcome again keeps its first time, so that an equal decision writes nothing."""
    before = scheduled_of(binding)
    same = (
        before is not None and not moved and (before.failure, before.message) == (answer.failure or "", answer.message)
    )
    if before is not None and same and not _triggered_since(binding, before.time):
        return msgspec.json.encode(before).decode()
    return msgspec.json.encode(ScheduledNote(time=now, failure=answer.failure or "", message=answer.message)).decode()


def applied_generation(binding: ResourceBinding) -> int | None:
    """Generation of the policy when it was last applied to the binding; None when unknown."""
    text = (binding.metadata.annotations or {}).get(wellknown.POLICY_GENERATION_ANNOTATION, "")
    return int(text) if text.isdecimal() else None


def placement_json(placement: Placement | None) -> str:
    """The placement as Karmada writes it into an annotation."""
    return msgspec.json.encode(placement).decode()


def is_owned(binding: ResourceBinding) -> bool:
    """Whether it goes with its template; `kubectl delete --cascade=orphan` cuts that bond first."""
    return any(o.uid == binding.spec.resource.uid for o in binding.metadata.owner_references or ())


def content(binding: ResourceBinding) -> dict[str, Any]:
    """The binding as JSON data, for writing and comparing; without status, which is another's."""
    body: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(binding, status=None))
    return body


def patch(existing: ResourceBinding, wanted: ResourceBinding) -> difference.Object:
    """The smallest merge patch that makes `wanted` of `existing`; empty when nothing that matters differs.

    A newer resourceVersion of the template alone does not matter: it would cost a write for every change of it.
    """
    resource = msgspec.structs.replace(wanted.spec.resource, resource_version=existing.spec.resource.resource_version)
    unmoved = msgspec.structs.replace(wanted, spec=msgspec.structs.replace(wanted.spec, resource=resource))
    before = content(existing)
    return difference.merge_patch(before, content(wanted)) if content(unmoved) != before else {}


def same(a: ResourceBinding, b: ResourceBinding) -> bool:
    """Whether two bindings say the same, apart from status and versions."""
    return a.spec == b.spec and all(
        getattr(a.metadata, field) == getattr(b.metadata, field)
        for field in ("labels", "annotations", "finalizers", "deletion_timestamp", "owner_references")
    )


def key_of(binding: ResourceBinding) -> names.OriginKey:
    return names.OriginKey(binding.metadata.namespace, binding.metadata.name)


def finalizer(namespace: str) -> str:
    """The finalizer that holds a binding until no member has anything of it."""
    return wellknown.BINDING_FINALIZER if namespace else wellknown.CLUSTER_BINDING_FINALIZER


def _metadata(name: str, template: Template, policy: PropagationPolicy, existing: ResourceBinding | None) -> ObjectMeta:
    namespace = template["metadata"].get("namespace", "")
    old = existing.metadata if existing is not None else ObjectMeta(name=name, namespace=namespace)
    labels, notes = matching.claim_metadata(policy)
    notes = {**notes, wellknown.POLICY_GENERATION_ANNOTATION: str(policy.metadata.generation)}
    owner = OwnerReference(
        api_version=template["apiVersion"],
        kind=template["kind"],
        name=template["metadata"]["name"],
        uid=template["metadata"]["uid"],
        controller=True,
        block_owner_deletion=True,
    )
    others = [o for o in old.owner_references or () if o.uid != owner.uid and not o.controller]
    return msgspec.structs.replace(
        old,
        labels=with_changes(old.labels or {}, labels),
        annotations=with_changes(old.annotations or {}, notes),
        finalizers=sorted({*(old.finalizers or ()), finalizer(namespace)}),
        owner_references=[owner, *others],
    )


def _suspension(spec: PropagationSpec, old: BindingSuspension | None) -> BindingSuspension | None:
    scheduling = old.scheduling if old is not None else None
    if spec.suspension is None:
        return BindingSuspension(scheduling=scheduling) if scheduling is not None else None
    return BindingSuspension(
        dispatching=spec.suspension.dispatching,
        dispatching_on_clusters=spec.suspension.dispatching_on_clusters,
        scheduling=scheduling,
    )


def _affinity_groups(placement: Placement | None, labels: Mapping[str, str]) -> WorkloadAffinityGroups | None:
    if placement is None or placement.workload_affinity is None:
        return None
    affinity, anti = placement.workload_affinity.affinity, placement.workload_affinity.anti_affinity
    groups = WorkloadAffinityGroups(
        affinity_group=_group(affinity.group_by_label_key, labels) if affinity is not None else "",
        anti_affinity_group=_group(anti.group_by_label_key, labels) if anti is not None else "",
    )
    return groups if groups != WorkloadAffinityGroups() else None


def _group(key: str, labels: Mapping[str, str]) -> str:
    return f"{key}={labels[key]}" if key in labels else ""


def _triggered_since(binding: ResourceBinding, time: str) -> bool:
    trigger = binding.spec.reschedule_triggered_at
    return trigger is not None and trigger > time
