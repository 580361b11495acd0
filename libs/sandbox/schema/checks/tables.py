"""Which checks run on which kind. The texts are those of kube-apiserver 1.36."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from libs.common.kube.errors import Cause
from libs.sandbox.schema.checks import core, definitions, pods, policies, workloads
from libs.sandbox.schema.checks.words import Object

Check: TypeAlias = Callable[[Object, Object | None], Iterator[Cause]]

BY_KIND: Final[Mapping[tuple[str, str], Check]] = {
    ("", "ConfigMap"): core.config_map,
    ("", "PersistentVolumeClaim"): core.claim,
    ("", "Pod"): pods.pod,
    ("", "Secret"): core.secret,
    ("", "Service"): core.service,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): policies.policy,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): policies.binding,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definitions.definition,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): core.autoscaler,
    ("batch", "CronJob"): workloads.cron_job,
    ("batch", "Job"): workloads.job,
    ("networking.k8s.io", "Ingress"): core.ingress,
    ("rbac.authorization.k8s.io", "ClusterRole"): core.role,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): core.role_binding,
    ("rbac.authorization.k8s.io", "Role"): core.role,
    ("rbac.authorization.k8s.io", "RoleBinding"): core.role_binding,
}
"""Kinds that are not here are checked for types alone."""
