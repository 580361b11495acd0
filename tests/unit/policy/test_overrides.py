"""Which override policies apply and in which order; and the overriders' corners that no random case reaches."""

from typing import Any

import msgspec
import pytest

from libs.common.api.meta import Template
from libs.common.api.override import OverridePolicy, Overriders
from services.policy.core import documents, images, jsonpatch, overriders, overrides
from services.policy.core.jsonpatch import Operation
from tests.unit.policy.fleets import cluster

SHA = "sha256:" + "0" * 64
TEMPLATE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "default", "labels": {"app": "x"}},
}


def override(name: str, *, namespace: str = "default", target: Any = None, by: Any = None) -> OverridePolicy:
    """Appends its name to an annotation, so that the order of application shows."""
    rule: dict[str, Any] = {"overriders": {"annotationsOverrider": [{"operator": "add", "value": {name: ""}}]}}
    if target is not None:
        rule["targetCluster"] = target
    spec: dict[str, Any] = {"overrideRules": [rule]}
    if by is not None:
        spec["resourceSelectors"] = [{"apiVersion": "v1", "kind": "ConfigMap"} | by]
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return msgspec.convert({"metadata": metadata, "spec": spec}, OverridePolicy)


def applied(*policies: OverridePolicy) -> list[str]:
    return list(overrides.apply(TEMPLATE, cluster("m1"), policies)["metadata"].get("annotations", {}))


def patched(namespace: str, *patch: dict[str, Any]) -> Template:
    """The template as the plaintext patch of one policy leaves it."""
    rule = {"overriders": {"plaintext": list(patch)}}
    policy = {"metadata": {"name": "o", "namespace": namespace}, "spec": {"overrideRules": [rule]}}
    return overrides.apply(TEMPLATE, cluster("m1"), [msgspec.convert(policy, OverridePolicy)])


IDENTITY = [
    ("apiVersion", {"path": "/apiVersion", "operator": "replace", "value": "rbac.authorization.k8s.io/v1"}),
    ("kind", {"path": "/kind", "operator": "replace", "value": "Secret"}),
    ("metadata.name", {"path": "/metadata/name", "operator": "replace", "value": "b"}),
    ("metadata.namespace", {"path": "/metadata/namespace", "operator": "replace", "value": "kube-system"}),
    ("metadata.namespace", {"path": "/metadata/namespace", "operator": "remove"}),
]


@pytest.mark.parametrize(("field", "patch"), IDENTITY)
def test_a_policy_of_one_namespace_makes_no_other_object(field: str, patch: dict[str, Any]) -> None:
    with pytest.raises(overrides.OverrideError, match=f"OverridePolicy default/o: {field} must stay '"):
        patched("default", patch)


@pytest.mark.parametrize(("field", "patch"), IDENTITY)
def test_a_cluster_wide_policy_may(field: str, patch: dict[str, Any]) -> None:
    assert patched("", patch) != TEMPLATE


@pytest.mark.parametrize("path", ["/apiVersion", "/kind", "/metadata/name", "/metadata"])
@pytest.mark.parametrize("namespace", ["default", ""])
def test_no_policy_takes_away_what_makes_an_object(path: str, namespace: str) -> None:
    with pytest.raises(overrides.OverrideError, match=r"must stay|has no kind left"):
        patched(namespace, {"path": path, "operator": "remove"})


def test_the_order_of_application() -> None:
    by_labels = {"labelSelector": {"matchLabels": {"app": "x"}}}

    order = applied(
        override("z", by=by_labels),
        override("b", namespace="", by={"name": "a"}),
        override("c", by={"kind": "ConfigMap"}),
        override("a", namespace=""),
    )

    assert order == ["a", "b", "c", "z"]


@pytest.mark.parametrize(
    ("policy", "applies"),
    [
        pytest.param(override("o"), True, id="no selectors take all"),
        pytest.param(override("o", namespace="elsewhere"), False, id="another namespace"),
        pytest.param(override("o", by={"name": "b"}), False, id="another name"),
        pytest.param(override("o", target={}), True, id="an empty target is every cluster"),
        pytest.param(override("o", target={"clusterNames": ["m2"]}), False, id="another cluster"),
    ],
)
def test_what_a_policy_applies_to(policy: OverridePolicy, applies: bool) -> None:
    assert applied(policy) == (["o"] if applies else [])


def test_a_misfit_names_its_policy() -> None:
    rule = {"overriders": {"plaintext": [{"path": "/no/where", "operator": "remove"}]}}
    misfit = msgspec.convert(
        {"metadata": {"name": "o", "namespace": "default"}, "spec": {"overrideRules": [rule]}}, OverridePolicy
    )

    with pytest.raises(overrides.OverrideError, match=r"OverridePolicy default/o: .*/no/where"):
        overrides.apply(TEMPLATE, cluster("m1"), [misfit])


@pytest.mark.parametrize(
    ("image", "change", "result"),
    [
        ("nginx", ("Registry", "add", "test.io"), "test.io/nginx"),
        ("a.io/nginx:1", ("Registry", "add", ":5000"), "a.io:5000/nginx:1"),
        ("a.io/lib/nginx:1", ("Registry", "replace", "b.io"), "b.io/lib/nginx:1"),
        ("a.io/lib/nginx:1", ("Registry", "remove", ""), "lib/nginx:1"),
        ("lib/nginx:1", ("Registry", "replace", "b.io"), "b.io/lib/nginx:1"),
        ("a.io/nginx:1", ("Repository", "add", "-dbg"), "a.io/nginx-dbg:1"),
        ("a.io/nginx:1", ("Repository", "remove", ""), "a.io/:1"),
        ("nginx:1.2", ("Tag", "add", "-alpine"), "nginx:1.2-alpine"),
        ("nginx", ("Tag", "add", "1.3"), "nginx:1.3"),
        ("nginx:1.2", ("Tag", "replace", SHA), f"nginx@{SHA}"),
        (f"nginx@{SHA}", ("Tag", "replace", "1.3"), "nginx:1.3"),
        (f"nginx@{SHA}", ("Tag", "remove", ""), "nginx"),
        (f"nginx:1.2@{SHA}", ("Tag", "remove", ""), "nginx"),
        ("nginx:1.2", ("Tag", "replace", "bad tag"), "nginx:1.2"),
        ("[::1]:5000/x", ("Tag", "add", "v1"), "[::1]:5000/x:v1"),
        ("Foo/bar", ("Tag", "add", "v1"), "Foo/bar:v1"),
    ],
)
def test_images(image: str, change: tuple[str, str, str], result: str) -> None:
    assert images.override(image, *change) == result


@pytest.mark.parametrize("image", ["", "Foo", "a b", "nginx:", f"nginx@{SHA}0", "nginx@md5:" + "0" * 32, "a/" * 200])
def test_what_is_no_image(image: str) -> None:
    with pytest.raises(images.ImageError):
        images.parse(image)


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({"a": 1}, Operation("add", "/b", 2), {"a": 1, "b": 2}),
        ({"a": [1, 3]}, Operation("add", "/a/1", 2), {"a": [1, 2, 3]}),
        ({"a": [1]}, Operation("add", "/a/-", 2), {"a": [1, 2]}),
        ({"a": [1]}, Operation("add", "/a/-1", 2), {"a": [1, 2]}),
        ({"a": [1, 2]}, Operation("remove", "/a/-1"), {"a": [1]}),
        ({"a/b": 1}, Operation("replace", "/a~1b", 2), {"a/b": 2}),
        ({"a": 1}, Operation("replace", "text/a", 2), {"a": 2}),
        ({"a": 1}, Operation("add", "//a", 2), {"a": 1}),
        ({"a": {}}, Operation("replace", "/a/", 2), {"a": {"": 2}}),
        ({"a": None}, Operation("remove", "/a"), {}),
    ],
)
def test_patches(before: Any, operation: Operation, after: Any) -> None:
    assert jsonpatch.apply(before, [operation]) == after


@pytest.mark.parametrize(
    "operation",
    [
        Operation("add", "/x/y", 1),
        Operation("remove", "/x"),
        Operation("replace", "/x", 1),
        Operation("add", "/a/9", 1),
        Operation("replace", "/a/-", 1),
        Operation("add", "/s/x", 1),
        Operation("remove", ""),
        Operation("add", "path", 1),
    ],
    ids=lambda o: f"{o.operator} {o.path}",
)
def test_patches_that_do_not_fit(operation: Operation) -> None:
    document = {"a": [1], "s": "text"}

    with pytest.raises(jsonpatch.PatchError):
        jsonpatch.apply(document, [operation])

    assert document == {"a": [1], "s": "text"}


@pytest.mark.parametrize(
    ("text", "operation", "result"),
    [
        ("a: 1\nb: [1]\n", Operation("add", "/b/-", 2), "a: 1\nb:\n- 1\n- 2\n"),
        ("y: 1\n", Operation("add", "/x", "on"), "'true': 1\nx: 'on'\n"),
        ("a10: 1\na2: 010\n", Operation("add", "/b", 1.0), "a2: 8\na10: 1\nb: 1\n"),
        ("d: 2026-01-01\n", Operation("add", "/e", 1), "d: 2026-01-01\ne: 1\n"),
        ("a: 1\n---\nb: 2\n", Operation("add", "/c", 3), "a: 1\nc: 3\n"),
        ("", Operation("add", "", {"a": 1}), "a: 1\n"),
    ],
)
def test_yaml_documents(text: str, operation: Operation, result: str) -> None:
    assert documents.patch_yaml(text, [operation]) == result


@pytest.mark.parametrize("text", ["", "just text", "a: .nan", "a: [", "# only this"])
def test_what_is_no_yaml_document(text: str) -> None:
    with pytest.raises(documents.DocumentError):
        documents.patch_yaml(text, [Operation("add", "/x", 1)])


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ('{"b": 1.50, "a": "<&>"}', '{"b":1.50,"a":"\\u003c\\u0026\\u003e","x":1}'),
        ('{"n": 123456789012345678901234567890}', '{"n":123456789012345678901234567890,"x":1}'),
    ],
)
def test_json_documents(text: str, result: str) -> None:
    assert documents.patch_json(text, [Operation("add", "/x", 1)]) == result


def test_an_object_must_keep_a_kind() -> None:
    rule = msgspec.convert({"plaintext": [{"path": "/kind", "operator": "remove"}]}, Overriders)

    with pytest.raises(overriders.MisfitError, match="kind"):
        overriders.apply(TEMPLATE, rule)
