"""What the status-aggregator is told: the leader's word is the last, and goes with the binding."""

from pathlib import Path

import msgspec
import pytest

from libs.common import subjects
from libs.common.messages import Order, Outcome
from libs.common.names import OriginKey
from services.policy.outcomes import Outcomes
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World, held

A = key_of("ConfigMap", "a")


async def test_the_word_of_a_leader_that_slept_is_corrected(running: World) -> None:
    good = await told(running)
    late = msgspec.structs.replace(good, order=Order(epoch=good.order.epoch - 1, seq=3), expected={}, clusters={})
    await running.nats.publish(running.nats.subjects.outcome(A), late)
    await until(lambda: running.outcomes[A].order > good.order)
    assert running.outcomes[A].expected == good.expected


async def test_what_was_told_of_a_binding_goes_also_if_the_taking_away_fails_first(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(running)
    withdraw, failures = Outcomes.withdraw, ["the process dies here"]

    async def dying(self: Outcomes, key: OriginKey) -> None:
        if failures:
            raise RuntimeError(failures.pop())
        await withdraw(self, key)

    monkeypatch.setattr(Outcomes, "withdraw", dying)
    await running.hub.delete("ConfigMap.", "default", "a")
    await until(lambda: not failures)
    await until(lambda: nothing_held(running))


async def test_what_an_earlier_life_told_of_a_binding_that_is_gone_goes(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    async with world.policy(kubeconfig, nats_url, prefix):
        last = await told(outside)
        await outside.hub.delete("ConfigMap.", "default", "a")
        await until(lambda: nothing_held(outside))
    await outside.nats.publish(outside.nats.subjects.outcome(A), last)
    async with world.policy(kubeconfig, nats_url, prefix):
        await until(lambda: nothing_held(outside))


async def told(world: World) -> Outcome:
    """What is told of a ConfigMap with two copies."""
    await world.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    await until(lambda: len(expected(world)) == 2)
    return world.outcomes[A]


def expected(world: World) -> dict[str, Order]:
    return world.outcomes[A].expected if A in world.outcomes else {}


async def nothing_held(world: World) -> bool:
    return not await held(world, subjects.STATUS)
