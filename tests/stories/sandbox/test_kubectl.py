"""kubectl, as users call it, on the embedded API server."""

import contextlib
import json
import subprocess
from typing import Any

import pytest
import yaml

from libs.cli import kubectl
from tests import worlds
from tests.unit.sandbox import api


def config_map(name: str = "a", **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return api.config_map(name, **data)


@pytest.fixture
def foos(member: worlds.Cluster) -> str:
    """A custom kind."""
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]
    properties = {"size": {"type": "integer", "description": "How large it is.", "maximum": 9}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    member.apply(api.definition(schema, additionalPrinterColumns=columns))
    return "foos"


def test_apply_and_apply_again(member: worlds.Cluster, ns: str) -> None:
    said = [member.apply(config_map(x=value), namespace=ns).strip() for value in ("1", "1", "2")]
    assert said == ["configmap/a created", "configmap/a unchanged", "configmap/a configured"]


def test_apply_takes_away_what_it_once_gave(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map(x="1", y="1"), namespace=ns)
    member.apply(config_map(x="1"), namespace=ns)
    assert member.kubectl("get", "cm", "a", "-o", "jsonpath={.data}", namespace=ns) == '{"x":"1"}'


def test_from_client_side_to_server_side_apply(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map(x="1", y="1"), namespace=ns)
    member.apply(config_map(x="2"), namespace=ns, server_side=True)
    assert member.kubectl("get", "cm", "a", "-o", "jsonpath={.data}", namespace=ns) == '{"x":"2"}'


def test_conflicts_of_server_side_apply(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map(x="1"), namespace=ns, server_side=True)
    words = ["apply", "--server-side", "--field-manager", "other", "-f", "-"]
    said = member.kubectl(*words, stdin=yaml.safe_dump(config_map(x="2")), namespace=ns, ok=False)
    forced = member.kubectl(*words, "--force-conflicts", stdin=yaml.safe_dump(config_map(x="2")), namespace=ns)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.x' in said
    assert forced.strip() == "configmap/a serverside-applied"


CREATED = [
    ("configmap", "a", "--from-literal=x=y"),
    ("secret", "generic", "a", "--from-literal=x=y"),
    ("serviceaccount", "a"),
    ("deployment", "a", "--image=nginx", "--replicas=0"),
    ("job", "a", "--image=nginx"),
    ("cronjob", "a", "--image=nginx", "--schedule=* * * * *"),
    ("role", "a", "--verb=get", "--resource=pods"),
    ("rolebinding", "a", "--role=a", "--user=me"),
    ("quota", "a", "--hard=cpu=1,pods=2"),
    ("poddisruptionbudget", "a", "--selector=a=b", "--min-available=1"),
    ("ingress", "a", "--rule=example.com/=web:80"),
    ("service", "clusterip", "a", "--tcp=80:8080"),
]


@pytest.mark.parametrize("words", CREATED, ids=lambda words: words[0])
def test_create(member: worlds.Cluster, ns: str, words: tuple[str, ...]) -> None:
    assert "created" in member.kubectl("create", *words, namespace=ns)


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (
            "strategic",
            '{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"1"}]}]}}}}',
        ),
        ("merge", '{"spec":{"replicas":0}}'),
        ("json", '[{"op":"add","path":"/metadata/annotations","value":{"a":"b"}}]'),
    ],
)
def test_patch(member: worlds.Cluster, ns: str, kind: str, patch: str) -> None:
    member.apply(api.deployment(replicas=0), namespace=ns)
    said = member.kubectl("patch", "deploy", "web", "--type", kind, "-p", patch, namespace=ns)
    assert said.startswith("deployment.apps/web patched")


def test_edit(member: worlds.Cluster, ns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    member.apply(config_map(x="before"), namespace=ns)
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/before/after/")
    member.kubectl("edit", "cm", "a", namespace=ns)
    assert member.kubectl("get", "cm", "a", "-o", "jsonpath={.data.x}", namespace=ns) == "after"


def test_labels_and_selectors(member: worlds.Cluster, ns: str) -> None:
    for name in "ab":
        member.apply(config_map(name), namespace=ns)
    member.kubectl("label", "cm", "a", "tier=x", namespace=ns)
    assert member.kubectl("get", "cm", "-l", "tier in (x,y)", "-o", "name", namespace=ns).strip() == "configmap/a"


def test_wait_for_json_path_and_deletion(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map(x="1"), namespace=ns)
    member.kubectl("wait", "cm/a", "--for=jsonpath={.data.x}=1", "--timeout=5s", namespace=ns)
    member.kubectl("delete", "cm", "a", namespace=ns)
    member.kubectl("wait", "cm/a", "--for=delete", "--timeout=5s", namespace=ns)


def test_get_watch(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map("first"), namespace=ns)
    argv = [str(kubectl.find()), "--kubeconfig", member.kubeconfig, "-n", ns, "get", "cm", "-w"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        names = (line.split()[0] for line in process.stdout)
        seen = next(name for name in names if name == "first")
        member.apply(config_map("second"), namespace=ns)
        then = next(name for name in names if name == "second")
        process.terminate()
    assert (seen, then) == ("first", "second")


def test_diff_says_what_would_change(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map(x="1"), namespace=ns)
    said = member.kubectl("diff", "-f", "-", stdin=yaml.safe_dump(config_map(x="2")), namespace=ns, ok=False)
    assert ('-  x: "1"' in said, '+  x: "2"' in said) == (True, True)


def test_what_is_wrong_is_told(member: worlds.Cluster, ns: str) -> None:
    body = api.deployment()
    body["spec"]["replicas"] = -1
    said = member.kubectl("create", "-f", "-", stdin=yaml.safe_dump(body), namespace=ns, ok=False)
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in said


def test_misspelt_fields_are_told(member: worlds.Cluster, ns: str) -> None:
    body = api.deployment(replica=1)
    said = member.kubectl("create", "-f", "-", stdin=yaml.safe_dump(body), namespace=ns, ok=False)
    assert 'unknown field "spec.replica"' in said


def test_a_list_of_objects(member: worlds.Cluster, ns: str) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [config_map("a"), config_map("b")]}
    said = member.apply(listed, namespace=ns)
    assert said.splitlines() == ["configmap/a created", "configmap/b created"]


def test_a_kind_that_is_not_served(member: worlds.Cluster, ns: str) -> None:
    body = {**config_map(), "apiVersion": "nowhere.example.com/v1", "kind": "Nothing"}
    said = member.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body), namespace=ns, ok=False)
    assert 'no matches for kind "Nothing" in version "nowhere.example.com/v1"' in said


def test_explain(member: worlds.Cluster, foos: str) -> None:
    assert "Number of desired pods" in member.kubectl("explain", "deployment.spec.replicas")
    assert "How large it is." in member.kubectl("explain", "foo.spec.size")


def test_custom_kinds(member: worlds.Cluster, ns: str, foos: str) -> None:
    member.kubectl("wait", "crd/foos.example.com", "--for=condition=Established", "--timeout=5s")
    member.apply(api.foo(size=3), namespace=ns)
    assert member.kubectl("get", "fo", namespace=ns).split() == ["NAME", "SIZE", "x", "3"]
    said = member.kubectl("create", "-f", "-", stdin=yaml.safe_dump(api.foo("other", size=10)), namespace=ns, ok=False)
    assert "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9" in said


def test_api_resources(member: worlds.Cluster, foos: str) -> None:
    rows = {line.split()[0]: line.split() for line in member.kubectl("api-resources", "--no-headers").splitlines()}
    assert rows["deployments"] == ["deployments", "deploy", "apps/v1", "true", "Deployment"]
    assert rows["nodes"] == ["nodes", "no", "v1", "false", "Node"]
    assert rows["foos"] == ["foos", "fo", "example.com/v1", "true", "Foo"]


def test_versions_and_rights(member: worlds.Cluster) -> None:
    assert json.loads(member.kubectl("version", "-o", "json"))["serverVersion"]["minor"] == "36"
    assert member.kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    assert "kubernetes-admin" in member.kubectl("auth", "whoami")


def test_large_objects_by_server_side_apply(member: worlds.Cluster, ns: str) -> None:
    member.apply(config_map(x="y" * 1_000_000), namespace=ns, server_side=True)
    with contextlib.suppress(worlds.Failed):
        member.apply(config_map("b", x="y" * 1_600_000), namespace=ns, server_side=True)
        pytest.fail("an object above the limit was taken")
