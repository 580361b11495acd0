"""Streams that were put back to an earlier copy: what is no more stays no more."""

from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World

A = key_of("ConfigMap", "a")


async def put_back(world: World) -> None:
    """The work for m1 and the agent's last word about it stand in the streams again, as they did before the purge."""
    (work,) = [w for w in world.history if w.op == "apply" and w.cluster == "m1" and w.name == "a"]
    (tombstone,) = [w for w in world.history if w.op == "delete" and w.cluster == "m1" and w.name == "a"]
    await world.report_gone(tombstone)
    world.works.pop(("m1", A), None)
    await world.nats.publish(world.nats.subjects.work("m1", A), work)


async def test_a_work_of_a_deleted_template_is_withdrawn_again(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    await running.hub.delete("ConfigMap.", "default", "a")
    await until(lambda: not running.works)

    await put_back(running)

    await until(lambda: len([w for w in running.history if w.op == "delete" and w.cluster == "m1"]) == 2)


async def test_a_work_of_a_cluster_that_was_left_is_withdrawn_again(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m1", A))
    running.place = lambda request: [("m2", 0)]
    await running.hub.apply(policy_for("all", "ConfigMap", placement={"clusterAffinity": {"clusterNames": ["m2"]}}))
    await until(lambda: running.work("m1", A) is None)

    await put_back(running)

    await until(lambda: len([w for w in running.history if w.op == "delete" and w.cluster == "m1"]) == 2)
