"""How objects go."""

import pytest

from libs.sandbox import kinds
from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

PATH = f"{api.CONFIG_MAPS}/a"
POD = "/api/v1/namespaces/default/pods/p"


@pytest.fixture
def server() -> Api:
    return Api()


def held(server: Api) -> None:
    """A ConfigMap with a finalizer."""
    body = api.config_map()
    body["metadata"]["finalizers"] = ["example.com/hold"]
    server.done("POST", api.CONFIG_MAPS, body)


def pod(server: Api, node: str = "") -> None:
    """A pod, perhaps on a node."""
    spec = {"containers": [{"name": "a", "image": "b"}]} | ({"nodeName": node} if node else {})
    server.done("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec})


def test_deletion_answers_with_a_status(server: Api) -> None:
    made = server.done("POST", api.CONFIG_MAPS, api.config_map())
    answer = server.done("DELETE", PATH)
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}


def test_a_finalizer_holds(server: Api) -> None:
    held(server)
    meta = server.done("DELETE", PATH)["metadata"]
    assert (bool(meta["deletionTimestamp"]), meta["deletionGracePeriodSeconds"]) == (True, 0)


def test_the_last_finalizer_lets_go(server: Api) -> None:
    held(server)
    server.done("DELETE", PATH)
    server.done("PATCH", PATH, {"metadata": {"finalizers": None}}, kind=api.MERGE)
    assert server.ask("GET", PATH).code == 404


def test_no_new_finalizers_on_what_goes(server: Api) -> None:
    held(server)
    server.done("DELETE", PATH)
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    answer = server.ask("PATCH", PATH, more, kind=api.MERGE)
    assert (answer.code, answer.body["details"]["causes"][0]["reason"]) == (422, "FieldValueForbidden")


@pytest.mark.parametrize("word", ["uid", "resourceVersion"])
def test_preconditions(server: Api, word: str) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    answer = server.ask("DELETE", PATH, {"preconditions": {word: "7777"}})
    assert (answer.code, "in the precondition (7777) does not match" in answer.body["message"]) == (409, True)


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_propagation_waits_for_the_collector(server: Api, policy: str, finalizer: str) -> None:
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    assert server.done("DELETE", PATH, propagationPolicy=policy)["metadata"]["finalizers"] == [finalizer]


def test_a_pod_on_a_node_has_its_time(server: Api) -> None:
    pod(server, "n1")
    assert server.done("DELETE", POD)["metadata"]["deletionGracePeriodSeconds"] == 30
    assert server.ask("GET", POD).code == 200


def test_a_pod_is_gone_at_once_without_grace(server: Api) -> None:
    pod(server, "n1")
    server.done("DELETE", POD, gracePeriodSeconds="0")
    assert server.ask("GET", POD).code == 404


def test_a_pod_on_no_node_is_gone_at_once(server: Api) -> None:
    pod(server)
    server.done("DELETE", POD)
    assert server.ask("GET", POD).code == 404


def test_eviction_deletes(server: Api) -> None:
    pod(server)
    assert server.ask("POST", f"{POD}/eviction", {"metadata": {"name": "p"}}).code == 201
    assert server.ask("GET", POD).code == 404


def test_a_collection_by_label(server: Api) -> None:
    for name in "abc":
        body = api.config_map(name)
        body["metadata"]["labels"] = {"gone": str(name != "c").lower()}
        server.done("POST", api.CONFIG_MAPS, body)
    server.done("DELETE", api.CONFIG_MAPS, labelSelector="gone=true")
    assert [each["metadata"]["name"] for each in server.done("GET", api.CONFIG_MAPS)["items"]] == ["c"]


def test_the_default_namespace_stays(server: Api) -> None:
    answer = server.ask("DELETE", "/api/v1/namespaces/default")
    assert answer.body["message"] == 'namespaces "default" is forbidden: this namespace may not be deleted'


def test_a_namespace_goes_when_it_is_finalized(server: Api) -> None:
    server.done("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}})
    going = server.done("DELETE", "/api/v1/namespaces/going")
    assert (going["status"]["phase"], going["spec"]["finalizers"]) == ("Terminating", ["kubernetes"])
    server.cluster.replace(kinds.NAMESPACES, {**going, "spec": {"finalizers": []}}, subresource="finalize")
    assert server.ask("GET", "/api/v1/namespaces/going").code == 404
