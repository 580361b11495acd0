"""Cluster IPs and node ports."""

from typing import Any

import pytest

from libs.sandbox import addresses
from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

PATH = "/api/v1/namespaces/default/services"


@pytest.fixture
def server() -> Api:
    return Api()


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    """A Service."""
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]} | spec}


def test_each_has_an_address_of_its_own(server: Api) -> None:
    found = [server.done("POST", PATH, service(name))["spec"] for name in "abc"]
    assert len({each["clusterIP"] for each in found}) == 3
    assert all(each["clusterIPs"] == [each["clusterIP"]] for each in found)


def test_a_headless_one_has_none(server: Api) -> None:
    assert server.done("POST", PATH, service(clusterIP="None"))["spec"]["clusterIPs"] == ["None"]


def test_an_address_is_kept_by_an_update_that_does_not_name_it(server: Api) -> None:
    made = server.done("POST", PATH, service())
    after = server.done("PUT", f"{PATH}/s", service(ports=[{"port": 81}]))
    assert after["spec"]["clusterIP"] == made["spec"]["clusterIP"]


def test_an_address_that_is_taken(server: Api) -> None:
    made = server.done("POST", PATH, service())
    answer = server.ask("POST", PATH, service("other", clusterIP=made["spec"]["clusterIP"]))
    assert (answer.code, "provided IP is already allocated" in answer.body["message"]) == (422, True)


def test_an_address_is_free_again(server: Api) -> None:
    made = server.done("POST", PATH, service())
    server.done("DELETE", f"{PATH}/s")
    server.done("POST", PATH, service("other", clusterIP=made["spec"]["clusterIP"]))


def test_node_ports(server: Api) -> None:
    made = server.done("POST", PATH, service(type="NodePort"))
    number = made["spec"]["ports"][0]["nodePort"]
    kept = server.done("PUT", f"{PATH}/s", service(type="NodePort", ports=[{"port": 80, "targetPort": 8080}]))
    gone = server.done("PATCH", f"{PATH}/s", {"spec": {"type": "ClusterIP"}}, kind=api.MERGE)
    assert number in addresses.NODE_PORTS
    assert kept["spec"]["ports"][0]["nodePort"] == number
    assert "nodePort" not in gone["spec"]["ports"][0]
