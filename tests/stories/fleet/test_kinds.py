"""Any kind that the hub serves can be propagated, custom resources and cluster-scoped ones too, up to the largest."""

from typing import Any

import pytest

from tests.worlds import (
    Cluster,
    cluster_policy,
    config_map,
    duplicated,
    namespace,
    policy,
    selector_of,
    until,
)

POD = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
SET = {"selector": {"matchLabels": {"app": "x"}}, "template": POD}
JOB = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "nginx"}]}}}

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("v1", "configmaps", {"kind": "ConfigMap", "data": {"a": "b"}}),
    ("v1", "secrets", {"kind": "Secret", "stringData": {"a": "b"}}),
    ("v1", "services", {"kind": "Service", "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}),
    ("v1", "serviceaccounts", {"kind": "ServiceAccount"}),
    (
        "v1",
        "services",
        {
            "kind": "Service",
            "spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]},
        },
    ),
    ("v1", "pods", {"kind": "Pod", "spec": POD["spec"]}),
    (
        "v1",
        "persistentvolumeclaims",
        {
            "kind": "PersistentVolumeClaim",
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        },
    ),
    (
        "autoscaling/v2",
        "horizontalpodautoscalers",
        {
            "kind": "HorizontalPodAutoscaler",
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}},
        },
    ),
    (
        "apps/v1",
        "statefulsets",
        {"kind": "StatefulSet", "spec": {**SET, "serviceName": "x", "replicas": 1, "volumeClaimTemplates": [CLAIM]}},
    ),
    ("apps/v1", "daemonsets", {"kind": "DaemonSet", "spec": SET}),
    ("batch/v1", "jobs", {"kind": "Job", "spec": JOB}),
    ("batch/v1", "cronjobs", {"kind": "CronJob", "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": JOB}}}),
    (
        "rbac.authorization.k8s.io/v1",
        "roles",
        {"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    (
        "networking.k8s.io/v1",
        "ingresses",
        {"kind": "Ingress", "spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}},
    ),
]


@pytest.mark.parametrize(("group", "plural", "body"), KINDS, ids=[plural for _, plural, _ in KINDS])
def test_built_in_kinds_arrive_and_can_be_changed(
    hub: Cluster, members: dict[str, Cluster], ns: str, group: str, plural: str, body: dict[str, Any]
) -> None:
    template = {"apiVersion": group, "metadata": {"name": "x"}, **body}
    hub.apply(template, policy("x", selector_of(template), placement=duplicated()), namespace=ns)
    for member in members.values():
        until(lambda member=member: member.object(plural, "x", ns, group), what=f"{plural}/x in {member.name}")
    binding = f"x-{body['kind'].lower()}"
    hub.kubectl("wait", f"rb/{binding}", "--for=condition=FullyApplied", "--timeout=30s", namespace=ns)
    hub.kubectl("annotate", plural, "x", "story=told", namespace=ns)

    def changed(member: Cluster) -> bool:
        return (member.object(plural, "x", ns, group) or {})["metadata"]["annotations"]["story"] == "told"

    for member in members.values():
        until(lambda member=member: changed(member), what=f"the change of {plural}/x in {member.name}")
    hub.kubectl("wait", f"rb/{binding}", "--for=condition=FullyApplied", "--timeout=30s", namespace=ns)


def test_a_cluster_scoped_kind_arrives(hub: Cluster, members: dict[str, Cluster]) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "story:reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
    }
    hub.apply(role, cluster_policy("story-reader", selector_of(role), placement=duplicated("member2")))
    group = "rbac.authorization.k8s.io/v1"
    until(lambda: members["member2"].object("clusterroles", "story:reader", group=group), what="ClusterRole in member2")
    assert members["member1"].object("clusterroles", "story:reader", group=group) is None
    assert hub.binding("story.reader-clusterrole") is not None
    hub.kubectl("delete", "clusterrole", "story:reader")
    until(
        lambda: members["member2"].object("clusterroles", "story:reader", group=group) is None,
        what="ClusterRole is gone from member2",
    )
    hub.kubectl("delete", "cpp", "story-reader")


def crd(plural: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def test_custom_resources_follow_their_definition(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    definition = crd("widgets", "Widget")
    hub.apply(definition, cluster_policy("widgets", selector_of(definition), placement=duplicated()))
    hub.kubectl("wait", "crd/widgets.example.org", "--for=condition=Established", "--timeout=30s")
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    hub.apply(widget, policy("w", selector_of(widget), placement=duplicated()), namespace=ns)
    for member in members.values():
        found = until(
            lambda member=member: member.object("widgets", "w", ns, "example.org/v1"),
            what=f"the widget in {member.name}",
        )
        assert found["spec"] == {"size": 3}


def test_namespaces_of_the_hub_appear_in_every_member_unless_they_ask_not_to(
    hub: Cluster, members: dict[str, Cluster]
) -> None:
    hub.apply(namespace("story-shared", team="a"), namespace("story-own", **{SKIP: "true"}))
    for member in members.values():
        found = until(
            lambda member=member: member.object("namespaces", "story-shared"), what=f"story-shared in {member.name}"
        )
        assert found["metadata"]["labels"]["team"] == "a"
        assert member.object("namespaces", "story-own") is None
    hub.kubectl("delete", "namespace", "story-shared", "story-own", "--wait=false")
    for member in members.values():
        until(
            lambda member=member: member.object("namespaces", "story-shared") is None,
            what=f"story-shared is gone from {member.name}",
        )


SKIP = "namespace.karmada.io/skip-auto-propagation"


def test_a_config_map_of_one_megabyte_passes(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    big = config_map("big", blob="x" * 1_000_000)
    hub.apply(big, server_side=True, namespace=ns)
    hub.apply(policy("big", selector_of(big), placement=duplicated()), namespace=ns)
    for member in members.values():
        found = until(lambda member=member: member.config_map("big", ns), what=f"the big ConfigMap in {member.name}")
        assert len(found["data"]["blob"]) == 1_000_000


def test_a_custom_resource_of_1_3_megabytes_passes(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    definition = crd("blobs", "Blob")
    hub.apply(definition, cluster_policy("blobs", selector_of(definition), placement=duplicated()))
    hub.kubectl("wait", "crd/blobs.example.org", "--for=condition=Established", "--timeout=30s")
    blob = {
        "apiVersion": "example.org/v1",
        "kind": "Blob",
        "metadata": {"name": "b"},
        "spec": {"data": "x" * 1_300_000},
    }
    hub.apply(blob, server_side=True, namespace=ns)
    hub.apply(policy("b", selector_of(blob), placement=duplicated()), namespace=ns)
    for member in members.values():
        until(
            lambda member=member: member.object("blobs", "b", ns, "example.org/v1"), what=f"the blob in {member.name}"
        )


def test_above_that_the_members_own_words_stand_in_the_binding(
    hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    definition = crd("heaps", "Heap")
    hub.apply(definition, cluster_policy("heaps", selector_of(definition), placement=duplicated()))
    hub.kubectl("wait", "crd/heaps.example.org", "--for=condition=Established", "--timeout=30s")
    heap = {"apiVersion": "example.org/v1", "kind": "Heap", "metadata": {"name": "h"}}
    grown = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": {"name": "h"},
        "spec": {
            "resourceSelectors": [selector_of(heap)],
            "overrideRules": [
                {"overriders": {"plaintext": [{"path": "/spec/more", "operator": "add", "value": "y" * 400_000}]}}
            ],
        },
    }
    hub.apply({**heap, "spec": {"data": "x" * 1_300_000}}, grown, server_side=True, namespace=ns)
    hub.apply(policy("h", selector_of(heap), placement=duplicated("member1")), namespace=ns)

    def refused() -> str:
        items = (hub.binding("h-heap", ns) or {})["status"]["aggregatedStatus"]
        return str(items[0].get("appliedMessage", ""))

    assert "too large" in until(refused, what="the member's refusal in the binding").lower()
