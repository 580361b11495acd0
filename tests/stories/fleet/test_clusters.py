"""Members join, report precisely, and leave."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.sandbox.fleet import Server
from libs.sandbox.fleet import fleet as embedded
from tests.worlds import Cluster, Sandbox, config_map, deployment, duplicated, policy, selector_of, until

NOTE = config_map("note", a="b")


def agent_objects(member: Cluster) -> list[str]:
    """What an agent needs for its own sake."""
    kinds = "serviceaccounts,secrets,leases,clusterroles,clusterrolebindings"
    names = member.kubectl("get", kinds, "-o", "name", namespace="karmada-cluster").split()
    return [name for name in names if "/argosy-" in name]


def cluster(hub: Cluster, name: str) -> dict[str, Any] | None:
    return hub.object("clusters", name, group="cluster.karmada.io/v1alpha1")


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Server]:
    """A member of another fleet, which this one does not know yet."""
    async with embedded(tmp_path, members=1, nodes=2) as other:
        yield other.members["member1"]


@pytest.fixture
def stranger(elsewhere: Server) -> Cluster:
    """The same, as a user speaks to it."""
    return Cluster("stranger", str(elsewhere.kubeconfig))


async def test_a_member_joins_takes_part_and_leaves_with_its_workloads_kept(
    sandbox: Sandbox, stranger: Cluster, ns: str
) -> None:
    def story() -> None:
        hub = sandbox.hub
        sandbox.argosy("join", "newcomer", "--kubeconfig", stranger.kubeconfig, "--region", "eu")
        found = until(lambda: cluster(hub, "newcomer"), what="the Cluster")
        assert found["spec"]["apiEndpoint"] == stranger.url
        assert found["spec"]["region"] == "eu"
        assert found["spec"]["secretRef"] == {"namespace": "karmada-cluster", "name": "newcomer"}
        hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("newcomer")), namespace=ns)
        until(lambda: stranger.config_map("note", ns), what="the ConfigMap in the newcomer")
        again = sandbox.argosy("join", "twice", "--kubeconfig", stranger.kubeconfig, ok=False)
        assert "registered already, as newcomer" in again
        assert re.search(r"^newcomer +http\S+ +joined later$", sandbox.argosy("sandbox", "status"), re.MULTILINE)

        sandbox.argosy("unjoin", "newcomer")
        assert cluster(hub, "newcomer") is None
        kept = stranger.config_map("note", ns)
        assert kept is not None
        assert "karmada.io/managed" not in kept["metadata"].get("labels", {})

    await asyncio.to_thread(story)


async def test_unjoin_removes_workloads_when_told_to(sandbox: Sandbox, stranger: Cluster, ns: str) -> None:
    def story() -> None:
        hub = sandbox.hub
        sandbox.argosy("join", "guest", "--kubeconfig", stranger.kubeconfig)
        hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("guest")), namespace=ns)
        until(lambda: stranger.config_map("note", ns), what="the ConfigMap in the guest")
        assert agent_objects(stranger)
        sandbox.argosy("unjoin", "guest", "--remove-workloads")
        assert stranger.config_map("note", ns) is None
        assert hub.object("secrets", "guest", "karmada-cluster") is None
        until(lambda: not agent_objects(stranger), what="nothing of the agent is left in the guest")

    await asyncio.to_thread(story)


async def test_unjoin_waits_for_a_member_that_hangs_for_a_while(
    sandbox: Sandbox, elsewhere: Server, stranger: Cluster, ns: str
) -> None:
    def join() -> None:
        sandbox.argosy("join", "sleeper", "--kubeconfig", stranger.kubeconfig)
        sandbox.hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("sleeper")), namespace=ns)
        until(lambda: stranger.config_map("note", ns), what="the ConfigMap in the sleeper")

    await asyncio.to_thread(join)
    await elsewhere.hang()
    leaving = asyncio.to_thread(sandbox.argosy, "unjoin", "sleeper", "--remove-workloads")
    async with asyncio.TaskGroup() as tasks:
        told = tasks.create_task(leaving)
        await asyncio.sleep(13)  # longer than an agent holds its Lease without an answer
        assert not told.done()
        await elsewhere.heal()
        async with asyncio.timeout(15):
            assert (await told).splitlines()[-1] == "cluster sleeper is out; its workloads are removed"
    assert await asyncio.to_thread(stranger.config_map, "note", ns) is None


async def test_deleting_the_cluster_means_the_same_and_replicas_stay_unless_rescheduled(
    sandbox: Sandbox, stranger: Cluster, ns: str
) -> None:
    def story() -> None:
        hub = sandbox.hub
        app = deployment("app", replicas=4)
        even = {"clusterAffinity": {"clusterNames": ["member1", "guest2"]}}
        even["replicaScheduling"] = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}  # type: ignore[assignment]
        sandbox.argosy("join", "guest2", "--kubeconfig", stranger.kubeconfig)
        hub.apply(app, policy("app", selector_of(app), placement=even), namespace=ns)
        until(lambda: (stranger.deployment("app", ns) or {})["spec"]["replicas"] == 2, what="two replicas in the guest")
        hub.kubectl("delete", "cluster", "guest2", "--timeout=60s")
        assert (stranger.deployment("app", ns) or {})["spec"]["replicas"] == 2
        assert (sandbox.members["member1"].deployment("app", ns) or {})["spec"]["replicas"] == 2

    await asyncio.to_thread(story)


def test_status_is_precise(hub: Cluster, members: dict[str, Cluster]) -> None:
    def complete() -> dict[str, Any] | None:
        status: dict[str, Any] = (cluster(hub, "member1") or {})["status"]
        return status if status.get("resourceSummary") else None

    status = until(complete, what="a complete status")
    conditions = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert conditions["Ready"] == ("True", "ClusterReady")
    assert conditions["CompleteAPIEnablements"] == ("True", "Complete")
    assert status["kubernetesVersion"].startswith("v1.")
    assert status["nodeSummary"] == {"totalNum": 3, "readyNum": 3}
    apps = next(e for e in status["apiEnablements"] if e["groupVersion"] == "apps/v1")
    assert {"name": "deployments", "kind": "Deployment"} in apps["resources"]
    assert sum(m["count"] for m in status["resourceSummary"]["allocatableModelings"]) == 3
    nodes = json.loads(members["member1"].kubectl("get", "nodes", "-o", "json"))["items"]
    assert int(status["resourceSummary"]["allocatable"]["pods"]) == sum(
        int(n["status"]["allocatable"]["pods"]) for n in nodes
    )


def test_status_is_fresh_within_seconds(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    def allocated() -> int:
        summary = (cluster(hub, "member2") or {})["status"]["resourceSummary"]
        return int(summary.get("allocated", {}).get("pods", 0))

    before = allocated()
    members["member2"].apply(deployment("local", replicas=3), namespace=ns)
    until(lambda: allocated() >= before + 3, what="three more pods in the Cluster's status", patience=10)


def test_get_clusters_shows_version_mode_and_readiness(hub: Cluster) -> None:
    lines = hub.kubectl("get", "clusters").splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "MODE", "READY", "AGE"]
    assert all(line.split()[2:4] == ["Push", "True"] for line in lines[1:4])


async def test_a_refused_join_leaves_nothing_behind(sandbox: Sandbox, stranger: Cluster) -> None:
    def story() -> None:
        said = sandbox.argosy("join", "odd", "--kubeconfig", stranger.kubeconfig, "--region", "not a label", ok=False)
        assert "region" in said
        accounts = (stranger.get("/api/v1/serviceaccounts") or {})["items"]
        assert [a["metadata"]["name"] for a in accounts if a["metadata"]["name"].startswith("argosy-")] == []
        assert sandbox.hub.object("secrets", "odd", "karmada-cluster") is None
        assert cluster(sandbox.hub, "odd") is None

    await asyncio.to_thread(story)


def test_the_hub_is_not_its_own_member(sandbox: Sandbox) -> None:
    said = sandbox.argosy("join", "itself", "--kubeconfig", sandbox.hub.kubeconfig, ok=False)
    assert "this is the hub itself" in said
