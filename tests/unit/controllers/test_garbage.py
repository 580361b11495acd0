"""Owners and dependents: who goes with whom, and who stays."""

from typing import Any

import pytest

from libs.sandbox import kinds
from libs.sandbox.kinds import Resource
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

CM = kinds.CONFIG_MAPS


def owned_by(owner: dict[str, Any], kind: str = "ConfigMap", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        **more,
    }


async def made(cluster: Simulation, name: str, *owners: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return await cluster.create(CM, {"metadata": {"name": name, "ownerReferences": list(owners), **metadata}})


@simulation.member(hub=True)
async def test_background(cluster: Simulation) -> None:
    owner = await made(cluster, "owner")
    middle = await made(cluster, "middle", owned_by(owner))
    await made(cluster, "leaf", owned_by(middle))
    await cluster.delete(CM, "owner")
    assert not any(cluster.has(CM, name) for name in ("owner", "middle", "leaf"))


@simulation.member(hub=True)
async def test_foreground_waits_for_what_blocks(cluster: Simulation) -> None:
    owner = await made(cluster, "owner")
    await made(cluster, "leaf", owned_by(owner, blockOwnerDeletion=True), finalizers=["example.com/hold"])
    await cluster.delete(CM, "owner", propagation="Foreground")
    assert cluster.has(CM, "owner")
    leaf = cluster.get(CM, "leaf")
    assert leaf["metadata"]["deletionTimestamp"]
    cluster.state.replace(CM, {**leaf, "metadata": {**leaf["metadata"], "finalizers": []}})
    await cluster.settled()
    assert not cluster.has(CM, "owner")


@simulation.member(hub=True)
async def test_foreground_does_not_wait_for_what_does_not_block(cluster: Simulation) -> None:
    owner = await made(cluster, "owner")
    await made(cluster, "leaf", owned_by(owner), finalizers=["example.com/hold"])
    await cluster.delete(CM, "owner", propagation="Foreground")
    assert not cluster.has(CM, "owner")
    assert cluster.get(CM, "leaf")["metadata"]["deletionTimestamp"]


@simulation.member(hub=True)
async def test_orphans_are_let_go(cluster: Simulation) -> None:
    owner = await made(cluster, "owner")
    await made(cluster, "leaf", owned_by(owner))
    await cluster.delete(CM, "owner", propagation="Orphan")
    assert not cluster.has(CM, "owner")
    assert not cluster.get(CM, "leaf")["metadata"].get("ownerReferences")


@simulation.member(hub=True)
async def test_one_owner_is_enough(cluster: Simulation) -> None:
    one, other = await made(cluster, "one"), await made(cluster, "other")
    await made(cluster, "leaf", owned_by(one), owned_by(other))
    await cluster.delete(CM, "one")
    assert [each["name"] for each in cluster.get(CM, "leaf")["metadata"]["ownerReferences"]] == ["other"]
    await cluster.delete(CM, "other")
    assert not cluster.has(CM, "leaf")


@simulation.member(hub=True)
async def test_an_owner_that_never_was(cluster: Simulation) -> None:
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    assert await made(cluster, "leaf", owned_by(ghost)) == {}


@simulation.member(hub=True)
async def test_an_owner_of_a_kind_that_is_not_served(cluster: Simulation) -> None:
    stranger = {"metadata": {"name": "x", "uid": "00000000-0000-0000-0000-000000000000"}}
    assert await made(cluster, "leaf", {**owned_by(stranger, kind="Widget"), "apiVersion": "example.com/v1"})


@pytest.mark.parametrize(
    ("resource", "kind", "kept"),
    [
        pytest.param(CM, "ConfigMap", False, id="namespaced, elsewhere"),
        pytest.param(kinds.STORAGE_CLASSES, "StorageClass", True, id="cluster-scoped"),
    ],
)
def test_owners_across_namespaces(resource: Resource, kind: str, kept: bool) -> None:
    @simulation.member(hub=True)
    async def story(cluster: Simulation) -> None:
        body: dict[str, Any] = {"metadata": {"name": "owner"}, "provisioner": "example.com/none"}
        owner = await cluster.create(resource, body if resource is not CM else {"metadata": {"name": "owner"}})
        version = resource.api_version
        reference = {**owned_by(owner, kind=kind), "apiVersion": version}
        await cluster.create(
            CM, {"metadata": {"name": "leaf", "namespace": "kube-system", "ownerReferences": [reference]}}
        )
        assert cluster.has(CM, "leaf", "kube-system") is kept

    story()
