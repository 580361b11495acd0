"""The rules that every write passes."""

from typing import Any

import pytest

from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

PATH = f"{api.CONFIG_MAPS}/a"
WEB = f"{api.DEPLOYMENTS}/web"


@pytest.fixture
def server() -> Api:
    return Api()


def status(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    """A Status as it is sent."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return body | {"reason": reason, "details": details, "code": code}


def test_not_found(server: Api) -> None:
    wanted = status(404, "NotFound", 'deployments.apps "web" not found', name="web", group="apps", kind="deployments")
    assert server.ask("GET", WEB).body == wanted


def test_already_exists(server: Api) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    wanted = status(409, "AlreadyExists", 'configmaps "a" already exists', name="a", kind="configmaps")
    assert server.ask("POST", api.CONFIG_MAPS, api.config_map()).body == wanted


def test_an_unknown_kind(server: Api) -> None:
    answer = server.ask("GET", "/apis/nowhere/v1/things")
    assert (answer.code, answer.body["message"]) == (404, "the server could not find the requested resource")


def test_no_token_no_answer(server: Api) -> None:
    assert server.ask("GET", PATH, token="wrong").code == 401


def test_the_token_may_stand_in_front_of_the_path(server: Api) -> None:
    assert server.ask("GET", f"/{api.TOKEN}/version", token="").body["minor"] == "36"


def test_a_stale_version_is_a_conflict(server: Api) -> None:
    first = server.done("POST", api.CONFIG_MAPS, api.config_map())
    server.done("PATCH", PATH, {"data": {"x": "1"}}, kind=api.MERGE)
    answer = server.ask("PUT", PATH, {**first, "data": {"x": "2"}})
    assert answer.body["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to'
        " the latest version and try again"
    )


def test_an_update_without_a_version_overwrites(server: Api) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map(x="1"))
    assert server.done("PUT", PATH, api.config_map(y="1"))["data"] == {"y": "1"}


def test_custom_kinds_insist_on_a_version(server: Api) -> None:
    server.done("POST", api.DEFINITIONS, api.definition())
    server.done("POST", api.FOOS, api.foo())
    answer = server.ask("PUT", f"{api.FOOS}/x", api.foo(a=1))
    assert answer.body["details"]["causes"][0]["field"] == "metadata.resourceVersion"


def test_an_update_that_changes_nothing_makes_no_version(server: Api) -> None:
    made = server.done("POST", api.CONFIG_MAPS, api.config_map(x="1"))
    assert server.done("PUT", PATH, made) == made
    assert server.done("PATCH", PATH, {"data": {"x": "1"}}, kind=api.MERGE) == made


def test_versions_rise_by_one_for_all_kinds(server: Api) -> None:
    one = server.done("POST", api.CONFIG_MAPS, api.config_map())
    two = server.done("POST", api.DEPLOYMENTS, api.deployment())
    assert int(two["metadata"]["resourceVersion"]) == int(one["metadata"]["resourceVersion"]) + 1


def test_generation_counts_the_spec_alone(server: Api) -> None:
    made = server.done("POST", api.DEPLOYMENTS, api.deployment())
    generations = [made["metadata"]["generation"]]
    for path, patch in (
        (WEB, {"metadata": {"labels": {"a": "b"}}}),
        (f"{WEB}/status", {"status": {"replicas": 1}}),
        (WEB, {"spec": {"replicas": 5}}),
    ):
        generations.append(server.done("PATCH", path, patch, kind=api.MERGE)["metadata"]["generation"])
    assert generations == [1, 1, 1, 2]


def test_a_config_map_has_no_generation(server: Api) -> None:
    assert "generation" not in server.done("POST", api.CONFIG_MAPS, api.config_map())["metadata"]


@pytest.mark.parametrize(("subresources", "wanted"), [({"status": {}}, 1), ({}, 2)])
def test_generation_of_custom_kinds(server: Api, subresources: dict[str, Any], wanted: int) -> None:
    server.done("POST", api.DEFINITIONS, api.definition(subresources=subresources))
    server.done("POST", api.FOOS, api.foo())
    path = f"{api.FOOS}/x/status" if subresources else f"{api.FOOS}/x"
    made = server.done("PATCH", path, {"status": {"a": 1}}, kind=api.MERGE)
    assert (made["status"], made["metadata"]["generation"]) == ({"a": 1}, wanted)


def test_status_is_written_through_its_subresource_alone(server: Api) -> None:
    server.done("POST", api.DEPLOYMENTS, {**api.deployment(), "status": {"replicas": 7}})
    main = server.done("PATCH", WEB, {"status": {"replicas": 7}}, kind=api.MERGE)
    through = server.done(
        "PATCH", f"{WEB}/status", {"status": {"replicas": 3}, "spec": {"replicas": 9}}, kind=api.MERGE
    )
    assert main["status"] == {}
    assert (through["status"], through["spec"]["replicas"]) == ({"replicas": 3}, 1)


def test_what_the_server_sets_cannot_be_changed(server: Api) -> None:
    made = server.done("POST", api.CONFIG_MAPS, api.config_map())
    changed = {"metadata": {"creationTimestamp": "2000-01-01T00:00:00Z", "generation": 9}, "data": {"x": "1"}}
    after = server.done("PATCH", PATH, changed, kind=api.MERGE)
    assert after["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert "generation" not in after["metadata"]


def test_another_uid_is_another_object(server: Api) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    answer = server.ask("PATCH", PATH, {"metadata": {"uid": "other"}}, kind=api.MERGE)
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


def test_generate_name(server: Api) -> None:
    body = {"metadata": {"generateName": "web-"}}
    names = {server.done("POST", api.CONFIG_MAPS, body)["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


def test_a_name_is_needed(server: Api) -> None:
    answer = server.ask("POST", api.CONFIG_MAPS, {"metadata": {}})
    assert answer.body["message"] == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": "A"}, "metadata.name"),
        ({"name": "a", "labels": {"x": "-"}}, "metadata.labels"),
        ({"name": "a", "labels": {"/x": "y"}}, "metadata.labels"),
        ({"name": "a", "annotations": {"x y": ""}}, "metadata.annotations"),
        ({"name": "a", "annotations": {"x": "y" * 262_145}}, "metadata.annotations"),
        ({"name": "a", "finalizers": [" "]}, "metadata.finalizers"),
    ],
)
def test_metadata_is_checked(server: Api, metadata: dict[str, Any], field: str) -> None:
    answer = server.ask("POST", api.CONFIG_MAPS, {"metadata": metadata})
    assert (answer.code, answer.body["details"]["causes"][0]["field"]) == (422, field)


def test_unknown_fields_by_directive(server: Api) -> None:
    body = api.deployment(colour="red")
    strict = server.ask("POST", api.DEPLOYMENTS, body, fieldValidation="Strict")
    warned = server.ask("POST", api.DEPLOYMENTS, body)
    assert strict.body["message"].endswith('strict decoding error: unknown field "spec.colour"')
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.colour\\""'
    assert "colour" not in warned.body["spec"]


def test_a_namespace_must_be_there(server: Api) -> None:
    answer = server.ask("POST", "/api/v1/namespaces/nowhere/configmaps", api.config_map())
    assert (answer.code, answer.body["message"]) == (404, 'namespaces "nowhere" not found')


def test_nothing_new_in_a_namespace_that_goes(server: Api) -> None:
    server.done("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}})
    server.done("DELETE", "/api/v1/namespaces/going")
    answer = server.ask("POST", "/api/v1/namespaces/going/configmaps", api.config_map())
    assert (answer.code, answer.body["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")


def test_strategic_patches_are_for_built_in_kinds(server: Api) -> None:
    server.done("POST", api.DEFINITIONS, api.definition())
    server.done("POST", api.FOOS, api.foo())
    assert server.ask("PATCH", f"{api.FOOS}/x", {}, kind=api.STRATEGIC).code == 415


def test_object_limit(server: Api) -> None:
    server.done("POST", api.DEFINITIONS, api.definition())
    answer = server.ask("POST", api.FOOS, api.foo(text="x" * 1_600_000))
    assert (answer.code, answer.body["message"]) == (500, "etcdserver: request is too large")


def test_a_dry_run_stores_nothing(server: Api) -> None:
    made = server.done("POST", api.CONFIG_MAPS, api.config_map(), dryRun="All")
    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert server.ask("GET", PATH).code == 404


def test_text_of_secrets_becomes_data(server: Api) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"a": "b"}}
    made = server.done("POST", "/api/v1/namespaces/default/secrets", body)
    assert (made["data"], made.get("stringData")) == ({"a": "Yg=="}, None)
