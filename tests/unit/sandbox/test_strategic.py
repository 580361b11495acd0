"""Strategic merge patches, by the schema of a Deployment."""

from typing import Any

import pytest

from libs.sandbox import kinds
from libs.sandbox.merge import documents, strategic
from libs.sandbox.schema import builtin

NODE = builtin.of(kinds.DEPLOYMENTS).node


def template(**spec: Any) -> dict[str, Any]:
    """A Deployment with these fields in its pod template."""
    return {"spec": {"template": {"spec": spec}}}


def merged(target: dict[str, Any], patch: dict[str, Any]) -> Any:
    """The pod template's spec after the patch."""
    return strategic.merged(NODE, template(**target), template(**patch))["spec"]["template"]["spec"]


A, B = {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "containers merge by name": (
        {"containers": [A, B]},
        {"containers": [{"name": "b", "image": "b:2"}]},
        {"containers": [A, {"name": "b", "image": "b:2"}]},
    ),
    "a new one comes last": ({"containers": [A]}, {"containers": [B]}, {"containers": [A, B]}),
    "one is deleted": (
        {"containers": [A, B]},
        {"containers": [{"name": "a", "$patch": "delete"}]},
        {"containers": [B]},
    ),
    "the list is replaced": (
        {"containers": [A]},
        {"containers": [B, {"$patch": "replace"}]},
        {"containers": [B]},
    ),
    "order is set": (
        {"containers": [A, B]},
        {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
        {"containers": [B, A]},
    ),
    "those that the order does not name keep their place": (
        {"containers": [A, {"name": "c"}, B]},
        {"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}]},
        {"containers": [A, {"name": "c"}, B]},
    ),
    "null deletes a key": ({"nodeName": "n", "hostname": "h"}, {"nodeName": None}, {"hostname": "h"}),
    "a map is replaced": (
        {"nodeSelector": {"a": "b", "c": "d"}},
        {"nodeSelector": {"$patch": "replace", "e": "f"}},
        {"nodeSelector": {"e": "f"}},
    ),
    "maps merge by key": (
        {"nodeSelector": {"a": "b"}},
        {"nodeSelector": {"c": "d"}},
        {"nodeSelector": {"a": "b", "c": "d"}},
    ),
    "tolerations are whole": (
        {"tolerations": [{"key": "a"}]},
        {"tolerations": [{"key": "b"}]},
        {"tolerations": [{"key": "b"}]},
    ),
    "kinds of volumes retain their keys": (
        {"volumes": [{"name": "v", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]},
        {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    ),
    "ports merge by number": (
        {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "x"}]}]},
        {"containers": [{"name": "a", "ports": [{"containerPort": 81}]}]},
        {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "x"}, {"containerPort": 81}]}]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_pod_templates(case: str) -> None:
    target, patch, wanted = CASES[case]
    assert merged(target, patch) == wanted


def test_finalizers_are_a_set_to_delete_from() -> None:
    target = {"metadata": {"finalizers": ["a/x", "b/x"]}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"], "finalizers": ["c/x"]}}
    assert strategic.merged(NODE, target, patch) == {"metadata": {"finalizers": ["b/x", "c/x"]}}


def test_an_item_without_its_key() -> None:
    with pytest.raises(documents.Unfit, match="does not contain declared merge key: name"):
        merged({"containers": [A]}, {"containers": [{"image": "x"}]})
