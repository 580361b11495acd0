"""OpenAPI documents, as kubectl reads them."""

from typing import Any

import msgspec

from libs.common.api import crds
from libs.sandbox import kinds
from libs.sandbox.kinds import Resource
from libs.sandbox.schema import openapi

_POLICY = Resource(
    group="policy.karmada.io", version="v1alpha1", kind="PropagationPolicy", plural="propagationpolicies", custom=True
)


def document(group: str, version: str) -> dict[str, Any]:
    served = [each for each in kinds.BUILT_IN if (each.group, each.version) == (group, version)]
    decoded: dict[str, Any] = msgspec.json.decode(openapi.document(served, {}))
    return decoded


def policy_document() -> dict[str, Any]:
    definition = next(each for each in crds.definitions() if each["spec"]["names"]["kind"] == "PropagationPolicy")
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    decoded: dict[str, Any] = msgspec.json.decode(openapi.document([_POLICY], {"PropagationPolicy": schema}))
    return decoded


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        found = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
        return found.union(*(references(part) for part in schema.values()))
    return set().union(*(references(part) for part in schema)) if isinstance(schema, list) else set()


def test_every_reference_is_answered() -> None:
    whole = document("apps", "v1")
    assert references(whole) <= whole["components"]["schemas"].keys()


def test_types_name_their_kind_and_prose() -> None:
    deployment = document("apps", "v1")["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    assert {"group": "apps", "version": "v1", "kind": "Deployment"} in deployment["x-kubernetes-group-version-kind"]
    assert deployment["description"].startswith("Deployment enables declarative updates")
    assert deployment["properties"]["spec"]["description"]


def test_patch_merge_keys_are_there() -> None:
    spec = document("apps", "v1")["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]
    assert spec["properties"]["containers"]["x-kubernetes-patch-merge-key"] == "name"


def test_writes_take_field_validation() -> None:
    for whole, path in (
        (document("", "v1"), "/api/v1/namespaces/{namespace}/configmaps/{name}"),
        (policy_document(), "/apis/policy.karmada.io/v1alpha1/namespaces/{namespace}/propagationpolicies/{name}"),
    ):
        for method in ("put", "patch"):
            operation = whole["paths"][path][method]
            assert "fieldValidation" in {parameter["name"] for parameter in operation["parameters"]}
            assert operation["x-kubernetes-group-version-kind"]["kind"] in ("ConfigMap", "PropagationPolicy")


def test_custom_kinds_have_named_types() -> None:
    schemas = policy_document()["components"]["schemas"]
    assert {"io.karmada.policy.v1alpha1.PropagationPolicy", "io.karmada.policy.v1alpha1.PropagationPolicyList"} <= {
        *schemas
    }
    assert references(schemas) <= schemas.keys()


def test_the_fingerprint_follows_the_schema() -> None:
    first = openapi.fingerprint([_POLICY], {"PropagationPolicy": {"type": "object"}})
    assert first == openapi.fingerprint([_POLICY], {"PropagationPolicy": {"type": "object"}})
    assert first != openapi.fingerprint([_POLICY], {"PropagationPolicy": {"type": "object", "nullable": True}})


def test_only_built_in_kinds_take_strategic_patches() -> None:
    strategic = "application/strategic-merge-patch+json"
    config_map = document("", "v1")["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]
    policy = "/apis/policy.karmada.io/v1alpha1/namespaces/{namespace}/propagationpolicies/{name}"
    assert strategic in config_map["patch"]["requestBody"]["content"]
    assert strategic not in policy_document()["paths"][policy]["patch"]["requestBody"]["content"]
