"""Questions to the scheduler and its answers, when something comes between."""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from libs.common.api.work import ResourceBinding
from libs.common.messages import BindingRequest
from libs.common.names import OriginKey
from services.policy.bindings import Bindings
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, deployment, key_of, policy_for
from tests.contract.policy.world import World

BINDING = "ResourceBinding.work.karmada.io"
CLUSTER = "Cluster.cluster.karmada.io"
POLICY = "PropagationPolicy.policy.karmada.io"
A, WEB = key_of("ConfigMap", "a"), key_of("Deployment", "web")


async def test_who_waits_in_line_and_needs_no_answer_any_more_holds_nobody_up(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    names = "abcd"
    environ = {"ARGOSY_REQUEST_WINDOW": "2", "ARGOSY_REQUEST_TIMEOUT": "30s"}
    async with world.policy(kubeconfig, nats_url, prefix, **environ):
        await outside.hub.apply(policy_for("all", "ConfigMap"), *(config_map(name) for name in names))
        for name in names:
            await until(partial(outside.work, "m1", key_of("ConfigMap", name)))
        outside.requests.clear()
        outside.place = nothing
        only = {"clusterAffinity": {"clusterNames": ["m1"]}}
        await outside.hub.apply(policy_for("all", "ConfigMap", placement=only))
        await until(lambda: outside.requests)
        await outside.hub.delete(POLICY, "default", "all")
        await until(partial(released, outside, names))
        outside.place = outside.everywhere
        for key, (request, *_) in list(outside.requests.items()):
            placed = outside.answer(request)
            assert placed is not None
            await outside.nats.publish(outside.nats.subjects.binding_placed(key), placed)
        await outside.hub.apply(policy_for("web", "Deployment"), deployment("web", 1))
        await until(lambda: outside.work("m1", WEB))


async def test_a_decision_is_kept_when_its_write_conflicts(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    write, met = Bindings.write, asyncio.Event()

    async def late(
        self: Bindings, key: OriginKey, wanted: ResourceBinding, existing: ResourceBinding | None
    ) -> ResourceBinding:
        if any(c.name == "m3" for c in wanted.spec.clusters or ()) and not met.is_set():
            met.set()
            await running.hub.merge(BINDING, "default", "a-configmap", {"metadata": {"labels": {"by": "hand"}}})
        return await write(self, key, wanted, existing)

    monkeypatch.setattr(Bindings, "write", late)
    await running.join("m3")
    await met.wait()
    await until(lambda: running.work("m3", A))


async def test_an_answer_from_before_the_last_change_of_clusters_is_not_the_last(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    running.table_stands_at = running.requests[A][-1].cluster_revision
    running.requests.clear()
    await running.hub.merge(CLUSTER, "", "m2", {"metadata": {"labels": {"env": "dev"}}})
    await until(lambda: running.requests.get(A))
    assert int(running.requests[A][-1].cluster_revision) > int(running.table_stands_at)
    running.table_stands_at, running.place = None, lambda request: [("m1", 0)]
    await until(lambda: (work := running.work("m2", A)) is None or work.op == "delete")


async def test_who_knows_the_clusters_is_asked_once(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    running.requests.clear()
    await running.hub.merge(CLUSTER, "", "m2", {"metadata": {"labels": {"env": "dev"}}})
    await until(lambda: running.requests.get(A))
    await running.hub.apply(deployment("web", 1), policy_for("web", "Deployment"))
    await until(lambda: running.work("m1", WEB))
    assert len(running.requests[A]) == 1


def nothing(request: BindingRequest) -> Iterable[tuple[str, int]] | str | None:
    """A scheduler that is slow."""
    return None


async def released(world: World, names: Iterable[str]) -> bool:
    """Whether no policy claims the bindings any more."""
    found: list[dict[str, Any] | None] = [
        await world.hub.get(BINDING, "default", f"{name}-configmap") for name in names
    ]
    return not any(
        "propagationpolicy.karmada.io/permanent-id" in (b["metadata"].get("labels") or {}) for b in found if b
    )
