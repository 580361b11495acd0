"""CustomResourceDefinitions: served at once, and what their schemas do."""

from typing import Any

import pytest

from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "x-kubernetes-validations": [{"rule": "self.size < 10", "message": "too large"}],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


@pytest.fixture
def server() -> Api:
    made = Api()
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    made.done("POST", api.DEFINITIONS, api.definition(SCHEMA, subresources={"status": {}, "scale": scale}))
    return made


def test_a_definition_is_established_when_it_is_answered(server: Api) -> None:
    made = server.done("GET", f"{api.DEFINITIONS}/foos.example.com")
    conditions = {each["type"]: each["status"] for each in made["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert made["status"]["acceptedNames"]["listKind"] == "FooList"
    assert made["status"]["storedVersions"] == ["v1"]


def test_its_kind_is_discovered(server: Api) -> None:
    found = server.done("GET", "/apis/example.com/v1")["resources"]
    assert [each["name"] for each in found] == ["foos", "foos/scale", "foos/status"]
    assert found[0]["shortNames"] == ["fo"]


def test_defaults(server: Api) -> None:
    assert server.done("POST", api.FOOS, api.foo(size=1))["spec"] == {"size": 1, "mode": "a"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [({"size": 0}, "spec.size"), ({"size": 1, "mode": "c"}, "spec.mode"), ({}, "spec.size"), ({"size": 11}, "spec")],
)
def test_validation(server: Api, spec: dict[str, Any], field: str) -> None:
    answer = server.ask("POST", api.FOOS, api.foo(**spec))
    assert (answer.code, answer.body["details"]["causes"][0]["field"]) == (422, field)


def test_unknown_fields_are_pruned(server: Api) -> None:
    assert "colour" not in server.done("POST", api.FOOS, api.foo(size=1, colour="red"))["spec"]


def test_scale(server: Api) -> None:
    server.done("POST", api.FOOS, api.foo(size=1))
    made = server.done("PATCH", f"{api.FOOS}/x/scale", {"spec": {"replicas": 4}}, kind=api.MERGE)
    assert (made["kind"], made["spec"]) == ("Scale", {"replicas": 4})
    assert server.done("GET", f"{api.FOOS}/x")["spec"]["size"] == 4


def test_names_that_are_taken(server: Api) -> None:
    other = api.definition()
    other["metadata"]["name"] = "bars.example.com"
    other["spec"]["names"] = {"kind": "Bar", "plural": "bars", "shortNames": ["fo"]}
    made = server.done("POST", api.DEFINITIONS, other)
    condition = made["status"]["conditions"][0]
    assert (condition["reason"], condition["message"]) == ("NameConflict", '"fo" is already in use')
    assert server.ask("GET", "/apis/example.com/v1/namespaces/default/bars").code == 404


def test_two_versions_of_one_object(server: Api) -> None:
    path = f"{api.DEFINITIONS}/foos.example.com"
    made = server.done("GET", path)
    made["spec"]["versions"].append({**made["spec"]["versions"][0], "name": "v2", "storage": False})
    server.done("PUT", path, made)
    server.done("POST", api.FOOS, api.foo(size=1))
    other = server.done("GET", api.FOOS.replace("/v1/", "/v2/") + "/x")
    assert (other["apiVersion"], other["spec"]["size"]) == ("example.com/v2", 1)


def test_a_definition_is_held_until_its_objects_are_gone(server: Api) -> None:
    made = server.done("DELETE", f"{api.DEFINITIONS}/foos.example.com")
    assert made["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]


def test_nothing_new_of_a_kind_that_goes(server: Api) -> None:
    server.done("DELETE", f"{api.DEFINITIONS}/foos.example.com")
    answer = server.ask("POST", api.FOOS, api.foo(size=1))
    assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")


def test_a_rule_that_is_no_cel(server: Api) -> None:
    schema = {"type": "object", "x-kubernetes-validations": [{"rule": "self.("}]}
    other = api.definition(schema)
    other["metadata"]["name"] = "bars.example.com"
    other["spec"]["names"] = {"kind": "Bar", "plural": "bars"}
    assert server.ask("POST", api.DEFINITIONS, other).code == 422


def test_a_definition_that_is_not_whole(server: Api) -> None:
    other = api.definition()
    del other["spec"]["names"]["plural"]
    assert server.ask("POST", api.DEFINITIONS, other).code == 422
