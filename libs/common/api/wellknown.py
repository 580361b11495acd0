"""Labels, annotations, finalizers, conditions and reserved names: Argosy's own, Karmada's and those of Kubernetes.

Karmada's keys and their places are listed in its `pkg/apis/*/well_known_constants.go` and `pkg/util/constants.go`.
"""

from typing import Final

# --- Argosy, on member objects ---------------------------------------------------------------------------------------

OWNER_LABEL: Final = "argosy.dev/owner"
"""`names.owner_hash(hub uid, Cluster uid)`. Without it an agent neither changes nor deletes an object."""

ORIGIN_ANNOTATION: Final = "argosy.dev/origin"
"""`<origin kind>/<namespace>/<name>/<origin uid>`: what the object comes from. The namespace may be empty."""

ORDER_ANNOTATION: Final = "argosy.dev/order"
"""`<epoch>.<seq>`: the order of the last apply."""

DIGEST_ANNOTATION: Final = "argosy.dev/digest"
"""On member objects the digest of the work; on bindings the digest of what was asked of the scheduler."""

CREATED_ANNOTATION: Final = "argosy.dev/created"
"""`true` on member objects that an agent created; what was there before and was taken over does not have it."""

# --- Argosy, on bindings ---------------------------------------------------------------------------------------------

LEAVING_ANNOTATION: Final = "argosy.dev/leaving"
"""JSON `{cluster: {"uid": ..., "order": "<epoch>.<seq>"}}`: clusters that were dropped and have not reported `gone`."""

AFFINITY_NAME_ANNOTATION: Final = "argosy.dev/affinity-name"
"""The affinity term of `placement.clusterAffinities` that the last decision used."""

SCHEDULED_ANNOTATION: Final = "argosy.dev/scheduled"
"""JSON: failure reason, message and time of the last decision."""

EXPLANATION_ANNOTATION: Final = "argosy.dev/explanation"
"""The explanation of the last decision, in short."""

UNJOINED_ANNOTATION: Final = "argosy.dev/unjoined"
"""JSON `{cluster: replicas}`: unjoined with their workloads kept; not placed elsewhere until asked."""

POLICY_GENERATION_ANNOTATION: Final = "argosy.dev/policy-generation"
"""Generation of the claiming policy when it was last applied."""

TEMPLATE_DIGEST_ANNOTATION: Final = "argosy.dev/template-digest"
"""Under a lazy policy: digest of the template that the binding was made from."""

# --- Argosy, on other hub objects ------------------------------------------------------------------------------------

ON_DELETE_ANNOTATION: Final = "argosy.dev/on-delete"
"""On a Cluster: `keep` (the default) or `remove`: what becomes of its workloads when it is deleted."""
ON_DELETE_REMOVE: Final = "remove"

GIVEN_UP_ANNOTATION: Final = "argosy.dev/given-up"
"""On a Cluster that is to leave, written by policy: its member does not answer, so nobody waits for its word."""

MEMBER_ACCOUNT_ANNOTATION: Final = "argosy.dev/member-account"
"""On a member's Secret on the hub: name of the ServiceAccount and ClusterRole in the member that it is about."""

RESCHEDULE_ANNOTATION: Final = "argosy.dev/reschedule"
"""On a Cluster: `true` places elsewhere what it had when it is deleted."""

EPOCH_ANNOTATION: Final = "argosy.dev/epoch"
"""On policy's Lease: the highest epoch taken so far."""

ROLLED_BACK_ANNOTATION: Final = "argosy.dev/rolled-back"
"""On policy's Lease: the highest resourceVersion that somebody remembered after the hub had been put back below it."""

ACCEPT_ROLLBACK_ANNOTATION: Final = "argosy.dev/accept-rollback"
"""On policy's Lease: the hub's resourceVersion up to which a user accepts that the hub was put back; removals go on."""

# --- Karmada: marks of what is managed -------------------------------------------------------------------------------

MANAGED_LABEL: Final = "karmada.io/managed"
MANAGED_VALUE: Final = "true"
SYSTEM_LABEL: Final = "karmada.io/system"
CLAIMED_BY_LABEL: Final = "resourcetemplate.karmada.io/claimed-by"
MANAGED_BY_LABEL: Final = "binding.karmada.io/managed-by"
RETAIN_REPLICAS_LABEL: Final = "resourcetemplate.karmada.io/retain-replicas"
RETAIN_REPLICAS_VALUE: Final = "true"
DELETION_PROTECTED_LABEL: Final = "resourcetemplate.karmada.io/deletion-protected"
DELETION_PROTECTED_VALUE: Final = "Always"
SKIP_AUTO_PROPAGATION_LABEL: Final = "namespace.karmada.io/skip-auto-propagation"
SKIP_AUTO_PROPAGATION_VALUE: Final = "true"

TEMPLATE_UID_ANNOTATION: Final = "resourcetemplate.karmada.io/uid"
TEMPLATE_GENERATION_ANNOTATION: Final = "resourcetemplate.karmada.io/generation"
MANAGED_ANNOTATIONS_ANNOTATION: Final = "resourcetemplate.karmada.io/managed-annotations"
"""Sorted, comma-joined annotation keys of the manifest, this one and the next included."""
MANAGED_LABELS_ANNOTATION: Final = "resourcetemplate.karmada.io/managed-labels"
"""Sorted, comma-joined label keys of the manifest."""
CACHED_FROM_CLUSTER_ANNOTATION: Final = "resource.karmada.io/cached-from-cluster"

# --- Karmada: claims, bindings, works --------------------------------------------------------------------------------

POLICY_ID_LABEL: Final = "propagationpolicy.karmada.io/permanent-id"
POLICY_NAMESPACE_ANNOTATION: Final = "propagationpolicy.karmada.io/namespace"
POLICY_NAME_ANNOTATION: Final = "propagationpolicy.karmada.io/name"
CLUSTER_POLICY_ID_LABEL: Final = "clusterpropagationpolicy.karmada.io/permanent-id"
CLUSTER_POLICY_NAME_ANNOTATION: Final = "clusterpropagationpolicy.karmada.io/name"

BINDING_ID_LABEL: Final = "resourcebinding.karmada.io/permanent-id"
BINDING_NAMESPACE_ANNOTATION: Final = "resourcebinding.karmada.io/namespace"
BINDING_NAME_ANNOTATION: Final = "resourcebinding.karmada.io/name"
CLUSTER_BINDING_ID_LABEL: Final = "clusterresourcebinding.karmada.io/permanent-id"
CLUSTER_BINDING_NAME_ANNOTATION: Final = "clusterresourcebinding.karmada.io/name"
DEPENDENCIES_ANNOTATION: Final = "resourcebinding.karmada.io/dependencies"
DEPENDED_BY_LABEL_PREFIX: Final = "resourcebinding.karmada.io/depended-by-"
"""Followed by `names.binding_reference_key` of the binding that needs the attached one."""

WORK_ID_LABEL: Final = "work.karmada.io/permanent-id"
WORK_NAMESPACE_ANNOTATION: Final = "work.karmada.io/namespace"
WORK_NAME_ANNOTATION: Final = "work.karmada.io/name"
CONFLICT_RESOLUTION_ANNOTATION: Final = "work.karmada.io/conflict-resolution"
CONFLICT_OVERWRITE: Final = "overwrite"
CONFLICT_ABORT: Final = "abort"

APPLIED_PLACEMENT_ANNOTATION: Final = "policy.karmada.io/applied-placement"
APPLIED_OVERRIDES_ANNOTATION: Final = "policy.karmada.io/applied-overrides"
APPLIED_CLUSTER_OVERRIDES_ANNOTATION: Final = "policy.karmada.io/applied-cluster-overrides"

# --- Karmada: finalizers ---------------------------------------------------------------------------------------------

CLUSTER_FINALIZER: Final = "karmada.io/cluster-controller"
BINDING_FINALIZER: Final = "karmada.io/binding-controller"
CLUSTER_BINDING_FINALIZER: Final = "karmada.io/cluster-resource-binding-controller"
DEPENDENCIES_FINALIZER: Final = "karmada.io/binding-dependencies-distributor"
EXECUTION_FINALIZER: Final = "karmada.io/execution-controller"
POLICY_FINALIZER: Final = "karmada.io/propagation-policy-controller"
CLUSTER_POLICY_FINALIZER: Final = "karmada.io/cluster-propagation-policy-controller"
MULTI_CLUSTER_SERVICE_FINALIZER: Final = "karmada.io/multiclusterservice-controller"
ENDPOINT_SLICE_FINALIZER: Final = "karmada.io/endpointslice-controller"
ENDPOINT_SLICE_COLLECT_FINALIZER: Final = "karmada.io/mcs-endpointslice-collect-controller"
ENDPOINT_SLICE_DISPATCH_FINALIZER: Final = "karmada.io/mcs-endpointslice-dispatch-controller"

# --- Karmada: API versions and kinds ---------------------------------------------------------------------------------

POLICY_API: Final = "policy.karmada.io/v1alpha1"
WORK_API: Final = "work.karmada.io/v1alpha2"
CLUSTER_API: Final = "cluster.karmada.io/v1alpha1"
CONFIG_API: Final = "config.karmada.io/v1alpha1"

RESOURCE_BINDING: Final = "ResourceBinding"
CLUSTER_RESOURCE_BINDING: Final = "ClusterResourceBinding"
PROPAGATION_POLICY: Final = "PropagationPolicy"
CLUSTER_PROPAGATION_POLICY: Final = "ClusterPropagationPolicy"
OVERRIDE_POLICY: Final = "OverridePolicy"
CLUSTER_OVERRIDE_POLICY: Final = "ClusterOverridePolicy"
CLUSTER: Final = "Cluster"

# --- Karmada: taints and conditions ----------------------------------------------------------------------------------

NOT_READY_TAINT: Final = "cluster.karmada.io/not-ready"
UNREACHABLE_TAINT: Final = "cluster.karmada.io/unreachable"
UNSCHEDULABLE_TAINT: Final = "cluster.karmada.io/unschedulable"

CONDITION_SCHEDULED: Final = "Scheduled"
CONDITION_FULLY_APPLIED: Final = "FullyApplied"
CONDITION_READY: Final = "Ready"
CONDITION_COMPLETE_API_ENABLEMENTS: Final = "CompleteAPIEnablements"

# --- names -----------------------------------------------------------------------------------------------------------

SYSTEM_NAMESPACE: Final = "karmada-system"
CLUSTER_NAMESPACE: Final = "karmada-cluster"
"""Holds the credentials of joined clusters and, in members, the agents' Leases."""
EXECUTION_NAMESPACE_PREFIX: Final = "karmada-es-"
KUBE_NAMESPACE_PREFIX: Final = "kube-"
KUBE_SYSTEM: Final = "kube-system"
"""The uid of this Namespace is the identity of a cluster."""
DEFAULT_NAMESPACE: Final = "default"

# --- Kubernetes ------------------------------------------------------------------------------------------------------

INITIAL_EVENTS_END_ANNOTATION: Final = "k8s.io/initial-events-end"
LAST_APPLIED_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
FOREGROUND_FINALIZER: Final = "foregroundDeletion"
ORPHAN_FINALIZER: Final = "orphan"
