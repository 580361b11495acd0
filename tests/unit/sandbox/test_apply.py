"""Server-side apply: who owns what, and what follows from it."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

PATH = f"{api.CONFIG_MAPS}/a"


@pytest.fixture
def server() -> Api:
    return Api()


def owners(obj: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """By manager and operation: what they own."""
    return {(each["manager"], each["operation"]): each["fieldsV1"] for each in obj["metadata"]["managedFields"]}


def test_apply_creates(server: Api) -> None:
    answer = server.apply(PATH, api.config_map(x="1"))
    assert (answer.code, answer.body["data"]) == (201, {"x": "1"})
    assert owners(answer.body) == {("one", "Apply"): {"f:data": {"f:x": {}}}}


def test_the_same_again_changes_nothing(server: Api) -> None:
    first = server.apply(PATH, api.config_map(x="1"))
    again = server.apply(PATH, api.config_map(x="1"))
    assert (again.code, again.body) == (200, first.body)


def test_another_value_of_anothers_field_is_a_conflict(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1", y="1"))
    answer = server.apply(PATH, api.config_map(x="2", y="2"), "two")
    assert answer.code == 409
    assert answer.body["message"] == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.x\n- .data.y'
    assert answer.body["details"]["causes"][0] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "one"',
        "field": ".data.x",
    }


def test_force_takes_the_field_over(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1", y="1"))
    answer = server.apply(PATH, api.config_map(x="2"), "two", force=True)
    assert answer.body["data"] == {"x": "2", "y": "1"}
    assert owners(answer.body) == {
        ("one", "Apply"): {"f:data": {"f:y": {}}},
        ("two", "Apply"): {"f:data": {"f:x": {}}},
    }


def test_the_same_value_is_shared(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1"))
    answer = server.apply(PATH, api.config_map(x="1"), "two")
    assert owners(answer.body)["one", "Apply"] == owners(answer.body)["two", "Apply"]


def test_a_field_that_is_applied_no_more_goes(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1", y="1"))
    assert server.apply(PATH, api.config_map(x="1")).body["data"] == {"x": "1"}


def test_a_shared_field_that_one_applies_no_more_stays(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1", y="1"))
    server.apply(PATH, api.config_map(y="1"), "two")
    assert server.apply(PATH, api.config_map(x="1")).body["data"] == {"x": "1", "y": "1"}


def test_fields_of_an_updater_stay(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1"))
    server.done("PATCH", PATH, {"data": {"z": "1"}}, kind=api.MERGE)
    assert server.apply(PATH, api.config_map()).body["data"] == {"z": "1"}


def test_an_update_takes_what_it_changes(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1", y="1"))
    made = server.done("PATCH", PATH, {"data": {"x": "2"}}, kind=api.MERGE, fieldManager="hand")
    assert owners(made) == {
        ("one", "Apply"): {"f:data": {"f:y": {}}},
        ("hand", "Update"): {"f:data": {"f:x": {}}},
    }


def test_conflict_with_an_updater_names_its_version(server: Api) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map(x="1"), fieldManager="hand")
    text = server.apply(PATH, api.config_map(x="2")).body["message"]
    assert text.startswith('Apply failed with 1 conflict: conflict with "hand" using v1 at 20')
    assert text.endswith(": .data.x")


def test_defaults_belong_to_nobody(server: Api) -> None:
    made = server.apply(f"{api.DEPLOYMENTS}/web", api.deployment()).body
    assert made["spec"]["replicas"] == 1
    assert "f:replicas" not in owners(made)["one", "Apply"]["f:spec"]


def test_replicas_that_are_left_out_fall_back_to_the_default(server: Api) -> None:
    server.apply(f"{api.DEPLOYMENTS}/web", api.deployment(replicas=3))
    assert server.apply(f"{api.DEPLOYMENTS}/web", api.deployment()).body["spec"]["replicas"] == 1


def test_a_container_that_is_applied_no_more_goes_with_its_defaults(server: Api) -> None:
    web = api.deployment()
    template = web["spec"]["template"]["spec"]
    both = {**web["spec"]["template"], "spec": {"containers": [*template["containers"], {"name": "b", "image": "b"}]}}
    server.apply(f"{api.DEPLOYMENTS}/web", api.deployment(template=both))
    made = server.apply(f"{api.DEPLOYMENTS}/web", web).body
    assert [each["name"] for each in made["spec"]["template"]["spec"]["containers"]] == ["main"]


def test_unknown_fields_are_refused(server: Api) -> None:
    answer = server.apply(f"{api.DEPLOYMENTS}/web", api.deployment(colour="red"))
    assert answer.body["message"] == (
        "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.colour: field not declared"
        " in schema"
    )


def test_a_manager_is_needed(server: Api) -> None:
    answer = server.ask("PATCH", PATH, api.config_map(), kind=api.APPLY)
    assert (answer.code, answer.body["details"]["causes"][0]["field"]) == (422, "fieldManager")


def test_managed_fields_may_not_be_applied(server: Api) -> None:
    body = api.config_map()
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    assert server.apply(PATH, body).body["message"] == "metadata.managedFields must be nil"


def test_a_version_makes_an_apply_conditional(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1"))
    body = api.config_map(x="2")
    body["metadata"]["resourceVersion"] = "1"
    assert server.apply(PATH, body).code == 409


def test_status_has_managers_of_its_own(server: Api) -> None:
    server.apply(f"{api.DEPLOYMENTS}/web", api.deployment())
    status = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {"replicas": 1}}
    made = server.apply(f"{api.DEPLOYMENTS}/web/status", status, "watcher").body
    entry = next(each for each in made["metadata"]["managedFields"] if each["manager"] == "watcher")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


def test_a_dry_run_stores_nothing(server: Api) -> None:
    version = server.cluster.version
    assert server.apply(PATH, api.config_map(x="1"), dryRun="All").code == 201
    assert (server.cluster.version, server.ask("GET", PATH).code) == (version, 404)


def test_the_list_keeps_items_of_others_in_place(server: Api) -> None:
    server.done("POST", api.DEFINITIONS, api.definition())
    path = f"{api.FOOS}/x"
    server.apply(path, api.foo(a=1))
    server.apply(path, {**api.foo(b=2)}, "two")
    assert server.done("GET", path)["spec"] == {"a": 1, "b": 2}


def test_taking_over_from_client_side_apply(server: Api) -> None:
    """kubectl replaces the entry of its client-side manager by a JSON patch before it applies."""
    made = server.done("POST", api.CONFIG_MAPS, api.config_map(x="1"), fieldManager="kubectl-client-side-apply")
    entry = {**made["metadata"]["managedFields"][0], "manager": "kubectl", "operation": "Apply"}
    replaced = [{"op": "replace", "path": "/metadata/managedFields", "value": [entry]}]
    server.done("PATCH", PATH, replaced, kind=api.JSON)
    assert server.apply(PATH, api.config_map(y="1"), "kubectl").body["data"] == {"y": "1"}


def test_ten_updaters_are_kept_one_by_one(server: Api) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map(x="0"))
    for number in range(14):
        body = {"data": {f"k{number}": ""}}
        made = server.done("PATCH", PATH, body, kind=api.MERGE, fieldManager=f"m{number}")
    names = [each["manager"] for each in made["metadata"]["managedFields"]]
    assert (len(names), "ancient-changes" in names) == (10, True)


@pytest.mark.parametrize("reset", [[], [{}]])
def test_entries_can_be_taken_away(server: Api, reset: list[Any]) -> None:
    server.apply(PATH, api.config_map(x="1"))
    made = server.done("PATCH", PATH, {"metadata": {"managedFields": reset}}, kind=api.MERGE)
    assert "managedFields" not in made["metadata"]


def test_an_update_gives_no_entries_to_what_has_none(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1"))
    server.done("PATCH", PATH, {"metadata": {"managedFields": []}}, kind=api.MERGE)
    assert "managedFields" not in server.done("PATCH", PATH, {"data": {"y": "1"}}, kind=api.MERGE)["metadata"]


def test_what_stood_before_the_first_apply_is_owned(server: Api) -> None:
    server.apply(PATH, api.config_map(x="1"))
    server.done("PATCH", PATH, {"metadata": {"managedFields": []}}, kind=api.MERGE)
    assert 'conflict with "before-first-apply" using v1' in server.apply(PATH, api.config_map(x="2")).body["message"]


def test_status_without_a_subresource_is_a_field_like_others(server: Api) -> None:
    server.done("POST", api.DEFINITIONS, api.definition())
    server.apply(f"{api.FOOS}/x", {**api.foo(), "status": {"a": 1}})
    assert "status" not in server.apply(f"{api.FOOS}/x", api.foo()).body
