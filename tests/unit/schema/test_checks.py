"""What is refused of built-in kinds, in kube-apiserver's words."""

from typing import Any

import pytest

from libs.common.api import admission, crds
from libs.sandbox import kinds
from libs.sandbox.schema import builtin
from tests.unit.schema.test_decoding import deployment, of

_POD = {"containers": [{"name": "a", "image": "b"}]}


def told(kind: str, obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    resource = of(kind)
    obj = {"metadata": {"name": "a", "namespace": "default"}, **obj}
    before = None if old is None else builtin.of(resource).default({"metadata": {"name": "a"}, **old})
    return [
        f"{cause.field}: {cause.message}"
        for cause in builtin.of(resource).validate(builtin.of(resource).default(obj), before)
    ]


@pytest.mark.parametrize(
    ("spec", "refusals"),
    [
        ({}, []),
        ({"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {"selector": {"matchLabels": {"app": "other"}}},
            [
                'spec.template.metadata.labels: Invalid value: {"app":"web"}: '
                "`selector` does not match template `labels`",
            ],
        ),
        ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        ({"selector": None}, ["spec.selector: Required value"]),
        (
            {"strategy": {"type": "Sometimes"}},
            ['spec.strategy.type: Unsupported value: "Sometimes": supported values: "Recreate", "RollingUpdate"'],
        ),
    ],
)
def test_deployments(spec: dict[str, Any], refusals: list[str]) -> None:
    assert told("Deployment", deployment(**spec)) == refusals


@pytest.mark.parametrize(
    ("container", "refusal"),
    [
        ({"image": "x"}, "name: Required value"),
        ({"name": "a"}, "image: Required value"),
        ({"name": "a", "image": "x", "ports": [{}]}, "ports[0].containerPort: Required value"),
        (
            {"name": "a", "image": "x", "ports": [{"containerPort": 70000}]},
            "ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            {"name": "a", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            'volumeMounts[0].name: Not found: "v"',
        ),
        (
            {"name": "a", "image": "x", "livenessProbe": {}},
            "livenessProbe: Required value: must specify a handler type",
        ),
        (
            {"name": "a", "image": "x", "readinessProbe": {"tcpSocket": {"port": "1"}}},
            'readinessProbe.tcpSocket.port: Invalid value: "1": must contain at least one letter (a-z)',
        ),
        (
            {"name": "a", "image": "x", "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
    ],
)
def test_containers(container: dict[str, Any], refusal: str) -> None:
    assert told("Pod", {"spec": {"containers": [container]}}) == [f"spec.containers[0].{refusal}"]


def test_a_pod_needs_containers() -> None:
    assert told("Pod", {"spec": {}}) == ["spec.containers: Required value"]


def test_names_of_containers_are_unique() -> None:
    twice = [{"name": "a", "image": "x"}] * 2
    assert told("Pod", {"spec": {"containers": twice}}) == ['spec.containers[1].name: Duplicate value: "a"']


@pytest.mark.parametrize(
    ("kind", "obj", "refusals"),
    [
        ("Service", {"spec": {}}, ["spec.ports: Required value"]),
        ("Service", {"spec": {"clusterIP": "None"}}, []),
        (
            "Service",
            {"spec": {"ports": [{"port": 1}, {"port": 2, "name": "b"}]}},
            ["spec.ports[0].name: Required value"],
        ),
        (
            "Secret",
            {"type": "kubernetes.io/tls", "data": {}},
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
        ),
        ("ConfigMap", {"data": {"a": "x" * (1 << 20)}}, []),
        ("ConfigMap", {"data": {"a": "x" * ((1 << 20) + 1)}}, [": Too long: may not be more than 1048576 bytes"]),
        (
            "Job",
            {"spec": {"template": {"spec": _POD}}},
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        ),
        (
            "HorizontalPodAutoscaler",
            {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "a"}}},
            [
                "spec.maxReplicas: Required value: must be set and greater than 0",
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
            ],
        ),
        (
            "Role",
            {"rules": [{"verbs": ["get"]}]},
            [
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                "rules[0].resources: Required value: resource rules must supply at least one resource",
            ],
        ),
        (
            "ValidatingAdmissionPolicy",
            {"spec": {}},
            [
                "spec.matchConstraints: Required value",
                "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
            ],
        ),
        (
            "ValidatingAdmissionPolicyBinding",
            {"spec": {"policyName": "a", "validationActions": ["Shout"]}},
            [
                'spec.validationActions[0]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"',
            ],
        ),
        (
            "PersistentVolumeClaim",
            {"spec": {}},
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources[storage]: Required value",
            ],
        ),
    ],
)
def test_kinds(kind: str, obj: dict[str, Any], refusals: list[str]) -> None:
    assert told(kind, obj) == refusals


@pytest.mark.parametrize(
    ("kind", "old", "new", "refusals"),
    [
        (
            "Secret",
            {"type": "a/b"},
            {"type": "c/d"},
            ['type: Invalid value: "c/d": field is immutable'],
        ),
        (
            "ConfigMap",
            {"immutable": True, "data": {"a": "b"}},
            {"data": {}},
            [
                "immutable: Forbidden: field is immutable when `immutable` is set",
                "data: Forbidden: field is immutable when `immutable` is set",
            ],
        ),
        (
            "Service",
            {"spec": {"ports": [{"port": 1}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]}},
            {"spec": {"ports": [{"port": 1}], "clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.1"]}},
            ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
        ),
        (
            "RoleBinding",
            {"roleRef": {"kind": "Role", "name": "a"}},
            {"roleRef": {"kind": "Role", "name": "b"}},
            [
                'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"b"}: '
                "cannot change roleRef"
            ],
        ),
    ],
)
def test_changes(kind: str, old: dict[str, Any], new: dict[str, Any], refusals: list[str]) -> None:
    assert told(kind, new, old) == refusals


def test_a_jobs_template_may_not_change() -> None:
    def job(image: str) -> dict[str, Any]:
        pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]}
        return {"spec": {"template": {"spec": pod}}}

    refusals = told("Job", job("b"), job("a"))
    assert len(refusals) == 1
    assert refusals[0].startswith("spec.template: Invalid value: {")
    assert refusals[0].endswith("field is immutable")


def test_a_status_write_is_not_held_against_the_rest() -> None:
    old = deployment(replicas=-1)
    assert builtin.of(kinds.DEPLOYMENTS).validate({**old, "status": {"replicas": 1}}, old) == ()


def test_definitions_must_be_structural() -> None:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    version["schema"]["openAPIV3Schema"]["properties"] = {  # type: ignore[index]
        "spec": {"properties": {}},
        "ok": {"x-kubernetes-preserve-unknown-fields": True},
        "list": {"type": "array"},
        "rule": {"type": "string", "x-kubernetes-validations": [{"rule": "self =="}]},
    }
    spec = {"group": "a.io", "scope": "Namespaced", "names": {"plural": "as", "kind": "A"}, "versions": [version]}
    root = "spec.versions[0].schema.openAPIV3Schema.properties"
    refusals = told("CustomResourceDefinition", {"metadata": {"name": "as.a.io"}, "spec": spec})
    assert refusals[:2] == [
        f"{root}[spec].type: Required value: must not be empty for specified object fields",
        f"{root}[list].items: Required value: must be specified",
    ]
    assert refusals[2].startswith(
        f'{root}[rule].x-kubernetes-validations[0].rule: Invalid value: "self ==": compilation'
    )


def test_admission_policies_must_be_cel() -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "object.a =="}]}
    (refusal,) = told("ValidatingAdmissionPolicy", {"spec": spec})
    assert refusal.startswith('spec.validations[0].expression: Invalid value: "object.a ==": compilation failed: ')


def test_our_own_manifests_pass() -> None:
    for made in (*crds.definitions(), *admission.policies()):
        assert told(made["kind"], made) == []
