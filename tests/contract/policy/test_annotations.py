"""What a hand writes into policy's own annotations on a binding: policy goes on, and puts it right."""

from functools import partial

from libs.common.api import wellknown
from libs.common.kube.resources import CLUSTERS, ObjectKey
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World

RB = "ResourceBinding.work.karmada.io"
A, B = key_of("ConfigMap", "a"), key_of("ConfigMap", "b")


async def spoil(world: World, annotation: str) -> None:
    await world.hub.merge(RB, "default", "a-configmap", {"metadata": {"annotations": {annotation: "oops"}}})


async def note(world: World, annotation: str) -> str | None:
    binding = await world.hub.get(RB, "default", "a-configmap")
    assert binding is not None
    found: str | None = binding["metadata"]["annotations"].get(annotation)
    return found


async def held(world: World) -> bool:
    """Whether a Cluster has policy's finalizer."""
    cluster = await world.hub.get("Cluster.cluster.karmada.io", "", "m3")
    return cluster is not None and wellknown.CLUSTER_FINALIZER in cluster["metadata"].get("finalizers", ())


async def test_a_note_on_the_last_decision_that_cannot_be_read_stops_nobody(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A) and running.work("m2", A))

    await spoil(running, wellknown.SCHEDULED_ANNOTATION)
    status = {"status": {"kubernetesVersion": "v9"}}
    await running.hub.api.patch(CLUSTERS, ObjectKey("", "m1"), status, subresource="status", manager="test")

    async def put_right() -> bool:
        return await note(running, wellknown.SCHEDULED_ANNOTATION) != "oops"

    await until(put_right)
    await running.hub.apply(config_map("b"))
    await until(lambda: running.work("m1", B))


async def test_a_record_of_leaving_that_cannot_be_read_holds_no_other_cluster(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A) and running.work("m2", A))
    await spoil(running, wellknown.LEAVING_ANNOTATION)

    await running.join("m3")
    await until(partial(held, running))
    running.uids.pop("m3")
    await running.hub.api.delete(CLUSTERS, ObjectKey("", "m3"))

    async def left() -> bool:
        return await running.hub.get("Cluster.cluster.karmada.io", "", "m3") is None

    await until(left)


async def test_a_cluster_is_left_though_the_record_of_it_was_spoilt(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A) and running.work("m2", A))
    running.agents_answer = False
    running.place = lambda request: [("m1", 0)]
    await running.hub.apply(policy_for("all", "ConfigMap", placement={"clusterAffinity": {"clusterNames": ["m1"]}}))
    first = await until(lambda: next((w for w in running.history if w.op == "delete"), None))

    await spoil(running, wellknown.LEAVING_ANNOTATION)
    again = await until(lambda: next((w for w in running.history if w.op == "delete" and w.order > first.order), None))
    await running.report_gone(again)

    async def cleared() -> bool:
        return await note(running, wellknown.LEAVING_ANNOTATION) is None

    await until(cleared)
    assert running.work("m1", A) is not None
