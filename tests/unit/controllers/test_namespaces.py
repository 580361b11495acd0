"""Namespaces and custom kinds: what they begin with, and how they end."""

import base64
from typing import Any

from libs.sandbox import kinds
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

WIDGETS = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "listKind": "WidgetList", "singular": "widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


async def namespace(cluster: Simulation, name: str = "team") -> dict[str, Any]:
    return await cluster.create(kinds.NAMESPACES, {"metadata": {"name": name}})


@simulation.member()
async def test_a_member_furnishes_a_namespace(cluster: Simulation) -> None:
    found = await namespace(cluster)
    assert found["status"]["phase"] == "Active"
    assert cluster.has(kinds.SERVICE_ACCOUNTS, "default", "team")
    assert cluster.has(kinds.CONFIG_MAPS, "kube-root-ca.crt", "team")


@simulation.member()
async def test_what_a_namespace_begins_with_comes_back(cluster: Simulation) -> None:
    await namespace(cluster)
    await cluster.delete(kinds.SERVICE_ACCOUNTS, "default", namespace="team")
    await cluster.delete(kinds.CONFIG_MAPS, "kube-root-ca.crt", namespace="team")
    assert cluster.has(kinds.SERVICE_ACCOUNTS, "default", "team")
    assert cluster.has(kinds.CONFIG_MAPS, "kube-root-ca.crt", "team")


@simulation.member(hub=True)
async def test_a_hub_makes_nothing_that_a_policy_could_take_for_a_template(cluster: Simulation) -> None:
    await namespace(cluster)
    assert cluster.has(kinds.SERVICE_ACCOUNTS, "default", "team")
    assert not cluster.has(kinds.CONFIG_MAPS, "kube-root-ca.crt", "team")


@simulation.member()
async def test_deletion_empties_a_namespace(cluster: Simulation) -> None:
    await namespace(cluster)
    for resource, body in (
        (kinds.DEPLOYMENTS, simulation.workload(replicas=2)),
        (kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}),
    ):
        body["metadata"]["namespace"] = "team"
        await cluster.create(resource, body)
    await cluster.delete(kinds.NAMESPACES, "team")
    assert not cluster.has(kinds.NAMESPACES, "team")
    assert not [each for each in cluster.state.resources() if each.namespaced and cluster.state.list(each, "team")]


@simulation.member()
async def test_a_namespace_says_what_keeps_it(cluster: Simulation) -> None:
    await namespace(cluster)
    held = {"metadata": {"name": "c", "namespace": "team", "finalizers": ["example.com/hold"]}}
    await cluster.create(kinds.CONFIG_MAPS, held)
    await cluster.delete(kinds.NAMESPACES, "team")
    found = cluster.get(kinds.NAMESPACES, "team")
    assert found["status"]["phase"] == "Terminating"
    remaining = simulation.condition(found, "NamespaceContentRemaining")["message"]
    assert remaining == "Some resources are remaining: configmaps has 1 resource instances"
    finalizers = simulation.condition(found, "NamespaceFinalizersRemaining")["message"]
    assert finalizers.endswith("finalizers remaining: example.com/hold in 1 resource instances")
    last = cluster.get(kinds.CONFIG_MAPS, "c", "team")
    cluster.state.replace(kinds.CONFIG_MAPS, {**last, "metadata": {**last["metadata"], "finalizers": []}})
    await cluster.settled()
    assert not cluster.has(kinds.NAMESPACES, "team")


@simulation.member(hub=True)
async def test_a_definition_takes_its_objects_along(cluster: Simulation) -> None:
    await cluster.create(kinds.CUSTOM_RESOURCE_DEFINITIONS, WIDGETS)
    widgets = cluster.state.registry.of("example.com", "Widget")
    assert widgets is not None
    await cluster.create(widgets, {"metadata": {"name": "w", "finalizers": ["example.com/hold"]}})
    await cluster.delete(kinds.CUSTOM_RESOURCE_DEFINITIONS, "widgets.example.com")
    assert cluster.has(kinds.CUSTOM_RESOURCE_DEFINITIONS, "widgets.example.com")
    last = cluster.get(widgets, "w")
    assert last["metadata"]["deletionTimestamp"]
    cluster.state.replace(widgets, {**last, "metadata": {**last["metadata"], "finalizers": []}})
    await cluster.settled()
    assert not cluster.has(kinds.CUSTOM_RESOURCE_DEFINITIONS, "widgets.example.com")


@simulation.member()
async def test_a_secret_that_asks_for_a_token_gets_one(cluster: Simulation) -> None:
    await cluster.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}})
    marks = {"kubernetes.io/service-account.name": "robot"}
    secret = {"metadata": {"name": "key", "annotations": marks}, "type": "kubernetes.io/service-account-token"}
    found = await cluster.create(kinds.SECRETS, secret)
    assert base64.b64decode(found["data"]["token"]) == b"s3cret"
    assert found["data"]["ca.crt"] == ""
    await cluster.delete(kinds.SERVICE_ACCOUNTS, "robot")
    assert not cluster.has(kinds.SECRETS, "key")
