"""What kube-apiserver fills in where a user said nothing, by type. Each function completes a dict that is its own.

Reference: pkg/apis/*/v1/defaults.go in k8s.io/kubernetes 1.36. Defaults that the OpenAPI documents carry come from
there and are not repeated here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from libs.sandbox.schema import images

Fields: TypeAlias = dict[str, Any]
Complete: TypeAlias = Callable[[Fields], None]

_SCALE_UP: Final = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Final = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
_CPU_METRIC: Final = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
_MAX_INT32: Final = 2**31 - 1


def absent(**values: Any) -> Complete:
    """Completes with constants. An empty text is as good as none, as in Go."""

    def complete(fields: Fields) -> None:
        for name, value in values.items():
            if name not in fields or (value and fields[name] == ""):
                fields[name] = value

    return complete


def empty(**values: Any) -> Complete:
    """Completes with constants where a field is absent or the zero value of its type."""

    def complete(fields: Fields) -> None:
        for name, value in values.items():
            if not fields.get(name):
                fields[name] = value

    return complete


# --- pods ------------------------------------------------------------------------------------------------------------


_TERMINATION: Final = absent(
    resources={}, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File"
)
_RUNNING: Final = absent(
    restartPolicy="Always",
    terminationGracePeriodSeconds=30,
    dnsPolicy="ClusterFirst",
    securityContext={},
    schedulerName="default-scheduler",
)


def _container(container: Fields) -> None:
    _TERMINATION(container)
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = images.pull_policy(container.get("image") or "")


def _pod_spec(spec: Fields) -> None:
    _RUNNING(spec)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _pod(pod: Fields) -> None:
    spec = pod.get("spec")
    if spec is None:
        return
    spec.setdefault("enableServiceLinks", True)
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        if limits := container["resources"].get("limits"):
            container["resources"] = {
                **container["resources"],
                "requests": {**limits, **container["resources"].get("requests", {})},
            }
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                port.setdefault("hostPort", port.get("containerPort"))


def _volume(volume: Fields) -> None:
    if len(volume) < 2:
        volume["emptyDir"] = {}


# --- workloads -------------------------------------------------------------------------------------------------------


def _deployment(deployment: Fields) -> None:
    spec = deployment.setdefault("spec", {})
    absent(replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)(spec)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        absent(maxUnavailable="25%", maxSurge="25%")(strategy.setdefault("rollingUpdate", {}))


def _daemon_set(daemon_set: Fields) -> None:
    spec = daemon_set.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        absent(maxUnavailable=1, maxSurge=0)(strategy.setdefault("rollingUpdate", {}))


def _stateful_set(stateful_set: Fields) -> None:
    spec = stateful_set.setdefault("spec", {})
    absent(replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")(spec)
    strategy = spec.setdefault("updateStrategy", {})
    if "type" not in strategy:
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        absent(partition=0)(strategy["rollingUpdate"])
    absent(whenDeleted="Retain", whenScaled="Retain")(spec.setdefault("persistentVolumeClaimRetentionPolicy", {}))
    for claim in spec.get("volumeClaimTemplates", ()):
        # a claim in a template is served as the object that it will be
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")


def _replica_set(replica_set: Fields) -> None:
    replica_set.setdefault("spec", {}).setdefault("replicas", 1)


def _job(job: Fields) -> None:
    spec = job.setdefault("spec", {})
    if "parallelism" not in spec:
        spec.setdefault("completions", 1)
        spec["parallelism"] = 1
    absent(
        backoffLimit=_MAX_INT32 if "backoffLimitPerIndex" in spec else 6,
        completionMode="NonIndexed",
        suspend=False,
        manualSelector=False,
        podReplacementPolicy="Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed",
    )(spec)
    labels = spec.get("template", {}).get("metadata", {}).get("labels")
    if labels and "metadata" in job and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = labels


def _cron_job(cron_job: Fields) -> None:
    absent(concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)(
        cron_job.setdefault("spec", {})
    )


def _autoscaler(autoscaler: Fields) -> None:
    spec = autoscaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        spec["metrics"] = [_CPU_METRIC]
    if "behavior" in spec:
        behavior = spec["behavior"]
        behavior["scaleUp"] = {**_SCALE_UP, **behavior.get("scaleUp", {})}
        behavior["scaleDown"] = {**_SCALE_DOWN, **behavior.get("scaleDown", {})}


# --- the rest of the core --------------------------------------------------------------------------------------------


def _service(service: Fields) -> None:
    spec = service.setdefault("spec", {})
    if spec.setdefault("sessionAffinity", "None") == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", 10800)
    type_ = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports", ()):
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if type_ == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if type_ in ("NodePort", "LoadBalancer") or spec.get("externalIPs"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if type_ == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _secret(secret: Fields) -> None:
    if not secret.get("type"):
        secret["type"] = "Opaque"


def _namespace(namespace: Fields) -> None:
    metadata = namespace.get("metadata", {})
    if name := metadata.get("name"):
        metadata["labels"] = {**metadata.get("labels", {}), "kubernetes.io/metadata.name": name}


def _node(node: Fields) -> None:
    status = node.get("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", status["capacity"])


def _volume_state(volume: Fields) -> None:
    absent(phase="Pending")(volume.setdefault("status", {}))


def _limit_range(limit: Fields) -> None:
    if limit.get("type") != "Container":
        return
    default = {**limit.get("max", {}), **limit.get("default", {})}
    requests = {**limit.get("min", {}), **default, **limit.get("defaultRequest", {})}
    limit["default"], limit["defaultRequest"] = default, requests


# --- other groups ----------------------------------------------------------------------------------------------------


def _network_policy(policy: Fields) -> None:
    spec = policy.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _subject(subject: Fields) -> None:
    if subject.get("kind") in ("User", "Group"):
        absent(apiGroup="rbac.authorization.k8s.io")(subject)


def _role_binding(binding: Fields) -> None:
    absent(apiGroup="rbac.authorization.k8s.io")(binding.setdefault("roleRef", {}))


def _definition_spec(spec: Fields) -> None:
    spec.setdefault("conversion", {"strategy": "None"})
    names = spec.get("names", {})
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", kind + "List")


def _api_service_spec(spec: Fields) -> None:
    if "service" in spec:
        spec["service"].setdefault("port", 443)


_TOLERANT_SELECTORS: Final = absent(matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
_WEBHOOK: Final = absent(
    failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={}, timeoutSeconds=10
)


def _mutating_webhook(webhook: Fields) -> None:
    _WEBHOOK(webhook)
    webhook.setdefault("reinvocationPolicy", "Never")


_CORE: Final[Mapping[str, Complete]] = {
    "ConfigMapVolumeSource": absent(defaultMode=0o644),
    "Container": _container,
    "DownwardAPIVolumeSource": absent(defaultMode=0o644),
    "EphemeralContainer": _container,
    "HTTPGetAction": empty(path="/", scheme="HTTP"),
    "HostPathVolumeSource": absent(type=""),
    "LimitRangeItem": _limit_range,
    "Namespace": _namespace,
    "Node": _node,
    "ObjectFieldSelector": empty(apiVersion="v1"),
    "PersistentVolume": _volume_state,
    "PersistentVolumeClaim": _volume_state,
    "PersistentVolumeClaimSpec": absent(volumeMode="Filesystem"),
    "PersistentVolumeSpec": absent(persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem"),
    "Pod": _pod,
    "PodSpec": _pod_spec,
    "Probe": empty(timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3),
    "GRPCAction": absent(service=""),
    "ProjectedVolumeSource": absent(defaultMode=0o644),
    "Secret": _secret,
    "SecretVolumeSource": absent(defaultMode=0o644),
    "Service": _service,
    "ServiceAccountTokenProjection": absent(expirationSeconds=3600),
    "Volume": _volume,
}
_ADMISSION: Final[Mapping[str, Complete]] = {
    "MatchResources": _TOLERANT_SELECTORS,
    "MutatingWebhook": _mutating_webhook,
    "NamedRuleWithOperations": absent(scope="*"),
    "RuleWithOperations": absent(scope="*"),
    "ServiceReference": absent(port=443),
    "ValidatingAdmissionPolicySpec": absent(failurePolicy="Fail"),
    "MutatingAdmissionPolicySpec": absent(failurePolicy="Fail"),
    "ValidatingWebhook": _WEBHOOK,
}

BY_COMPONENT: Final[Mapping[str, Complete]] = {
    **{f"io.k8s.api.core.v1.{name}": complete for name, complete in _CORE.items()},
    **{f"io.k8s.api.admissionregistration.v1.{name}": complete for name, complete in _ADMISSION.items()},
    "io.k8s.api.apps.v1.Deployment": _deployment,
    "io.k8s.api.apps.v1.DaemonSet": _daemon_set,
    "io.k8s.api.apps.v1.StatefulSet": _stateful_set,
    "io.k8s.api.apps.v1.ReplicaSet": _replica_set,
    "io.k8s.api.batch.v1.Job": _job,
    "io.k8s.api.batch.v1.CronJob": _cron_job,
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec": absent(minReplicas=1),
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": _autoscaler,
    "io.k8s.api.discovery.v1.EndpointPort": absent(name="", protocol="TCP"),
    "io.k8s.api.discovery.v1.EndpointSlice": absent(endpoints=[]),
    "io.k8s.api.networking.v1.NetworkPolicy": _network_policy,
    "io.k8s.api.networking.v1.NetworkPolicyPort": absent(protocol="TCP"),
    "io.k8s.api.rbac.v1.ClusterRoleBinding": _role_binding,
    "io.k8s.api.rbac.v1.RoleBinding": _role_binding,
    "io.k8s.api.rbac.v1.Subject": _subject,
    "io.k8s.api.scheduling.v1.PriorityClass": absent(preemptionPolicy="PreemptLowerPriority"),
    "io.k8s.api.storage.v1.StorageClass": absent(reclaimPolicy="Delete", volumeBindingMode="Immediate"),
    "io.k8s.api.storage.v1.CSIDriverSpec": absent(
        attachRequired=True,
        podInfoOnMount=False,
        storageCapacity=False,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        volumeLifecycleModes=["Persistent"],
        requiresRepublish=False,
    ),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec": _definition_spec,
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec": _api_service_spec,
}
