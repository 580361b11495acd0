"""Whether a binding's decision still answers today's question (Karmada's scheduler, "does it need scheduling?").

The question is digested: what a decision was made from stands on the binding as a digest, so that a restart asks
nothing twice. Bindings whose answer may follow any change of clusters (copies, and what found no place) are also
compared with a fingerprint of the clusters, which is kept in memory only.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.work import ResourceBinding, TargetCluster
from libs.common.kube.resources import version_number
from libs.common.messages import BindingRequest, Order, Placed, TemplateRef
from services.policy.core import binding as bindings

_encode = msgspec.json.Encoder(order="deterministic").encode


def inputs_digest(binding: ResourceBinding) -> str:
    """Digest of what users and policies change in the question: neither where it is, nor which clusters there are."""
    spec = binding.spec
    return _digest(
        spec.resource.uid,
        spec.placement,
        spec.replicas,
        spec.replica_requirements,
        spec.components,
        spec.reschedule_triggered_at,
        spec.graceful_eviction_tasks,
        spec.workload_affinity_groups,
    )


def request_digest(inputs: str, current: Iterable[TargetCluster], fingerprint: str) -> str:
    """Digest of the whole question: a placement counts only while this is what would be asked now."""
    return _digest(inputs, sorted((c.name, c.replicas) for c in current), fingerprint)


def facts(cluster: Cluster) -> object:
    """What all decisions depend on in a cluster, but for what it serves."""
    return (
        cluster.metadata.name,
        cluster.metadata.uid,
        cluster.metadata.labels,
        cluster.metadata.deletion_timestamp is not None,
        cluster.spec.provider,
        cluster.spec.region,
        cluster.spec.zones or cluster.spec.zone,
        cluster.spec.taints,
    )


def capacity(cluster: Cluster) -> object:
    """What those depend on in a cluster that found no place."""
    return cluster.metadata.name, cluster.status.resource_summary if cluster.status is not None else None


def print_of(what: object) -> int:
    """A digest as a number, for sums over clusters."""
    return int.from_bytes(hashlib.blake2b(_encode(what), digest_size=16).digest())


def follows_clusters(binding: ResourceBinding) -> bool:
    """Whether any change of clusters may change the answer: copies do, divided replicas stay where they run."""
    spec = binding.spec
    workload = spec.replicas > 0 or spec.replica_requirements is not None or bool(spec.components)
    strategy = spec.placement.replica_scheduling if spec.placement is not None else None
    return not workload or strategy is None or strategy.replica_scheduling_type == "Duplicated"


def takes_all(binding: ResourceBinding) -> bool:
    """Whether the answer is simply every cluster that fits, so that none is chosen in place of another."""
    placement = binding.spec.placement
    chooses = placement is not None and (placement.spread_constraints or placement.cluster_affinities)
    return follows_clusters(binding) and not chooses


def moves_with_clusters(binding: ResourceBinding) -> bool:
    """Whether a change of clusters is a reason to ask again.

    Not for what lost a cluster that was unjoined: it is placed elsewhere only when somebody asks for it.
    """
    if takes_all(binding) or failed(binding):
        return True
    return follows_clusters(binding) and wellknown.UNJOINED_ANNOTATION not in (binding.metadata.annotations or {})


def refused(answer: Placed, *, digest: str, template_uid: str, uids: Mapping[str, str]) -> str:
    """Why an answer of the scheduler does not count (any more); empty when it does.

    Args:
        digest: of what would be asked now.
        uids: of the Clusters that exist, by name.
    """
    if answer.template_uid != template_uid:
        return "template replaced"
    if answer.digest != digest:
        return "question changed"
    lost = [c.name for c in answer.clusters if uids.get(c.name) != c.uid]
    return f"cluster {lost[0]} replaced" if lost else ""


def is_behind(answer: Placed, revision: str) -> bool:
    """Whether the scheduler decided before it knew the clusters as of that resourceVersion: it is to be asked again."""
    return version_number(answer.cluster_revision) < version_number(revision)


def suspended(binding: ResourceBinding) -> bool:
    """Whether somebody has suspended its scheduling."""
    return binding.spec.suspension is not None and bool(binding.spec.suspension.scheduling)


def failed(binding: ResourceBinding) -> bool:
    """Whether the last decision found no place."""
    note = bindings.scheduled_of(binding)
    return note is not None and bool(note.failure)


def reason(desired: ResourceBinding, existing: ResourceBinding | None, clusters: Mapping[str, Cluster]) -> str:
    """Why the binding must be (re)scheduled by what stands on the hub; empty when it need not be.

    What `follows_clusters` or has `failed` is asked again by the caller when its fingerprint of the clusters moves.
    """
    spec = desired.spec
    if suspended(desired):
        return ""
    if existing is None:
        return "new"
    notes = existing.metadata.annotations or {}
    if notes.get(wellknown.DIGEST_ANNOTATION) != inputs_digest(desired):
        return "inputs changed"
    if bindings.scheduled_of(existing) is None:
        return "nobody knows how the last decision ended"
    for target in spec.clusters or ():
        cluster = clusters.get(target.name)
        if cluster is None or cluster.metadata.deletion_timestamp:
            return f"cluster {target.name} is leaving"
    return ""


def request(
    desired: ResourceBinding, digest: str, *, hub_uid: str, order: Order, generation: int, cluster_revision: str
) -> BindingRequest:
    """The question to the scheduler."""
    spec, notes = desired.spec, desired.metadata.annotations or {}
    note = bindings.scheduled_of(desired)
    return BindingRequest(
        hub_uid=hub_uid,
        namespace=desired.metadata.namespace,
        name=desired.metadata.name,
        template=TemplateRef(
            api_version=spec.resource.api_version,
            kind=spec.resource.kind,
            namespace=spec.resource.namespace,
            name=spec.resource.name,
            uid=spec.resource.uid,
            generation=generation,
            resource_version=spec.resource.resource_version,
        ),
        order=order,
        digest=digest,
        cluster_revision=cluster_revision,
        placement=spec.placement,
        replicas=spec.replicas,
        replica_requirements=spec.replica_requirements,
        components=spec.components,
        workload=spec.replicas > 0 or spec.replica_requirements is not None or bool(spec.components),
        clusters=list(spec.clusters or ()),
        affinity_name=notes.get(wellknown.AFFINITY_NAME_ANNOTATION, ""),
        graceful_eviction_tasks=list(spec.graceful_eviction_tasks or ()),
        reschedule_triggered_at=spec.reschedule_triggered_at,
        last_scheduled_time=note.time if note is not None and not note.failure else None,
        priority=spec.schedule_priority,
        workload_affinity_groups=spec.workload_affinity_groups,
    )


def _digest(*parts: object) -> str:
    return hashlib.blake2b(_encode(parts), digest_size=16).hexdigest()
