"""Policy that is killed, comes back, finds streams wiped, or is asked again: the end is the same."""

from pathlib import Path

from libs.common import subjects
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World, held

RB = "ResourceBinding.work.karmada.io"
A = key_of("ConfigMap", "a")


async def test_a_restart_sends_nothing_again(outside: World, kubeconfig: Path, nats_url: str, prefix: str) -> None:
    async with world.policy(kubeconfig, nats_url, prefix):
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
        await until(lambda: outside.work("m2", A))
    before = len(outside.history)

    async with world.policy(kubeconfig, nats_url, prefix):
        await outside.hub.apply(config_map("b"))
        await until(lambda: outside.work("m2", key_of("ConfigMap", "b")))

    assert [w.name for w in outside.history[before:]] == ["b", "b"]


async def test_a_later_leader_gives_higher_orders(outside: World, kubeconfig: Path, nats_url: str, prefix: str) -> None:
    async with world.policy(kubeconfig, nats_url, prefix):
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
        first = await until(lambda: outside.work("m2", A))

    async with world.policy(kubeconfig, nats_url, prefix):
        await outside.hub.apply(config_map("a", color="blue"))
        await until(lambda: outside.works["m2", A].order > first.order)

    assert outside.works["m2", A].order.epoch > first.order.epoch


async def test_what_was_deleted_meanwhile_is_removed(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    async with world.policy(kubeconfig, nats_url, prefix):
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
        await until(lambda: outside.work("m2", A))
    await outside.hub.delete("ConfigMap.", "default", "a")

    async with world.policy(kubeconfig, nats_url, prefix):
        await until(lambda: not outside.works)

        async def absent() -> bool:
            return await outside.hub.get(RB, "default", "a-configmap") is None

        await until(absent)


async def test_a_policy_deleted_meanwhile_releases(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    async with world.policy(kubeconfig, nats_url, prefix):
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
        await until(lambda: outside.work("m2", A))
    await outside.hub.delete("PropagationPolicy.policy.karmada.io", "default", "all")

    async with world.policy(kubeconfig, nats_url, prefix):

        async def released() -> bool:
            template = await outside.hub.get("ConfigMap.", "default", "a")
            return template is not None and not template["metadata"].get("labels")

        await until(released)
    assert outside.work("m2", A) is not None


async def test_a_binding_removed_by_force_takes_its_works_along(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    await running.hub.delete("PropagationPolicy.policy.karmada.io", "default", "all")

    async def released() -> bool:
        template = await running.hub.get("ConfigMap.", "default", "a")
        return template is not None and not template["metadata"].get("labels")

    await until(released)
    await running.hub.merge(RB, "default", "a-configmap", {"metadata": {"finalizers": None}})
    await running.hub.delete(RB, "default", "a-configmap")

    await until(lambda: not running.works)


async def test_a_wiped_stream_is_filled_from_the_hub(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    first = running.works["m2", A].order

    await running.wipe(subjects.WORKS)

    async def back() -> bool:
        return len(await held(running, subjects.WORKS)) == 2

    await until(back)
    await until(lambda: running.works["m2", A].order > first)
    assert not [w for w in running.history if w.op == "delete"]


async def test_a_question_without_an_answer_is_asked_again(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    outside.place = lambda request: None
    async with world.policy(kubeconfig, nats_url, prefix, ARGOSY_REQUEST_TIMEOUT="200ms"):
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
        await until(lambda: len(outside.requests.get(A, ())) >= 2)
        outside.place = outside.everywhere

        await until(lambda: outside.work("m1", A))


async def test_a_stale_answer_is_not_taken(running: World) -> None:
    running.place = lambda request: None
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    (first,) = await until(lambda: running.requests.get(A))
    running.place = lambda request: [("m1", 0)]
    one = {"clusterAffinity": {"clusterNames": ["m1"]}}
    await running.hub.apply(policy_for("all", "ConfigMap", placement=one))

    stale = running.answer(first)
    assert stale is not None
    await running.nats.publish(running.nats.subjects.binding_placed(A), stale)

    await until(lambda: running.work("m1", A), limit=15)
    binding = await running.hub.get(RB, "default", "a-configmap")
    assert binding is not None
    assert binding["spec"]["placement"] == one


async def test_an_answer_that_comes_twice_changes_nothing(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: running.work("m2", A))
    before = await running.hub.get(RB, "default", "a-configmap")
    again = running.answer(running.requests[A][0])
    assert again is not None

    await running.nats.publish(running.nats.subjects.binding_placed(A), again)
    await running.hub.apply(config_map("b"))
    await until(lambda: running.work("m2", key_of("ConfigMap", "b")))

    assert await running.hub.get(RB, "default", "a-configmap") == before
