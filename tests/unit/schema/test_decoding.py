"""Built-in objects on their way in."""

from typing import Any

import pytest

from libs.sandbox import kinds
from libs.sandbox.kinds import Resource
from libs.sandbox.schema import builtin


def deployment(**spec: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "nginx:1.25", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "creationTimestamp": None},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def of(kind: str) -> Resource:
    return next(resource for resource in kinds.BUILT_IN if resource.kind == kind)


def test_a_deployment_gets_its_defaults() -> None:
    spec = builtin.of(kinds.DEPLOYMENTS).default(deployment())["spec"]
    pod = spec.pop("template")["spec"]
    container = pod.pop("containers")[0]
    assert spec == {
        "selector": {"matchLabels": {"app": "web"}},
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
    }
    assert pod == {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    }
    assert container == {
        "name": "web",
        "image": "nginx:1.25",
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def test_what_goes_in_stays_as_it_is() -> None:
    given = deployment(foo=1)
    builtin.of(kinds.DEPLOYMENTS).default(given)
    assert given == deployment(foo=1)


def test_defaults_are_final() -> None:
    once = builtin.of(kinds.DEPLOYMENTS).default(deployment())
    assert builtin.of(kinds.DEPLOYMENTS).default(once) == once


def test_nulls_and_unknown_fields_go() -> None:
    made = builtin.of(kinds.DEPLOYMENTS).default(deployment(foo=1, paused=None))
    assert made["metadata"] == {"name": "web"}
    assert {"foo", "paused"}.isdisjoint(made["spec"])


def test_empty_texts_and_nulls_in_lists_are_what_go_makes_of_them() -> None:
    given = deployment()
    given["spec"]["template"]["spec"] |= {"restartPolicy": "", "containers": [None]}
    pod = builtin.of(kinds.DEPLOYMENTS).default(given)["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Always"
    assert pod["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_unknown_fields_are_named() -> None:
    given = deployment(foo=1)
    given["spec"]["template"]["spec"]["containers"][0]["bar"] = 2
    assert builtin.of(kinds.DEPLOYMENTS).unknown(given) == [
        "spec.template.spec.containers[0].bar",
        "spec.foo",
    ]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("h:5000/nginx:1", "IfNotPresent"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    given = deployment()
    given["spec"]["template"]["spec"]["containers"][0]["image"] = image
    made = builtin.of(kinds.DEPLOYMENTS).default(given)
    assert made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("kind", "given", "made"),
    [
        (
            "Service",
            {"spec": {"ports": [{"port": 80}]}},
            {
                "spec": {
                    "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
                    "sessionAffinity": "None",
                    "type": "ClusterIP",
                    "internalTrafficPolicy": "Cluster",
                    "ipFamilies": ["IPv4"],
                    "ipFamilyPolicy": "SingleStack",
                }
            },
        ),
        ("Secret", {"data": {}}, {"data": {}, "type": "Opaque"}),
        ("ConfigMap", {"data": {"a": None}}, {"data": {"a": ""}}),
        (
            "Namespace",
            {"metadata": {"name": "a"}},
            {"metadata": {"name": "a", "labels": {"kubernetes.io/metadata.name": "a"}}},
        ),
        (
            "CronJob",
            {"spec": {"schedule": "* * * * *"}},
            {
                "spec": {
                    "schedule": "* * * * *",
                    "concurrencyPolicy": "Allow",
                    "suspend": False,
                    "successfulJobsHistoryLimit": 3,
                    "failedJobsHistoryLimit": 1,
                }
            },
        ),
        (
            "RoleBinding",
            {"roleRef": {"kind": "Role", "name": "a"}, "subjects": [{"kind": "User", "name": "u"}]},
            {
                "roleRef": {"kind": "Role", "name": "a", "apiGroup": "rbac.authorization.k8s.io"},
                "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}],
            },
        ),
        (
            "PersistentVolumeClaim",
            {"spec": {"resources": {"requests": {"storage": "1024Mi"}}}},
            {
                "spec": {"resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"},
            },
        ),
    ],
)
def test_defaults(kind: str, given: dict[str, Any], made: dict[str, Any]) -> None:
    assert builtin.of(of(kind)).default(given) == made


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"replicas": "x"},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        ({"replicas": 2**31}, "json: cannot unmarshal number 2147483648 into Go struct field"),
        ({"template": []}, "json: cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type"),
        ({"paused": 1}, "json: cannot unmarshal number into Go struct field DeploymentSpec.spec.paused of type bool"),
    ],
)
def test_wrong_types_are_told_as_go_tells_them(spec: dict[str, Any], told: str) -> None:
    text = builtin.of(kinds.DEPLOYMENTS).malformed(deployment(**spec))
    assert text.startswith('Deployment in version "v1" cannot be handled as a Deployment: ' + told)


def test_right_types_pass() -> None:
    assert builtin.of(kinds.DEPLOYMENTS).malformed(deployment(replicas=1)) == ""


@pytest.mark.parametrize(
    ("path", "list_type", "keys", "merge_key"),
    [
        ("spec.template.spec.containers", "map", ("name",), "name"),
        ("spec.template.spec.containers.[].ports", "map", ("containerPort", "protocol"), "containerPort"),
        ("spec.template.spec.tolerations", "atomic", (), ""),
        ("metadata.finalizers", "set", (), ""),
        ("metadata.ownerReferences", "map", ("uid",), "uid"),
    ],
)
def test_how_lists_merge(path: str, list_type: str, keys: tuple[str, ...], merge_key: str) -> None:
    node = builtin.of(kinds.DEPLOYMENTS).node
    for step in path.split("."):
        child = node.items if step == "[]" else node.field(step)
        assert child is not None
        node = child
    assert (node.list_type, node.list_keys, node.patch_merge_key) == (list_type, keys, merge_key)
