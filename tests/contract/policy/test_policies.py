"""What fields of policies do: precedence, overrides, suspension, preservation, activation."""

from typing import Any

from libs.common.api import wellknown
from libs.common.names import OriginKey
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World

RB = "ResourceBinding.work.karmada.io"
A = key_of("ConfigMap", "a")


async def claimant(world: World, name: str = "a") -> str:
    template = await world.hub.get("ConfigMap.", "default", name)
    notes = (template or {"metadata": {}})["metadata"].get("annotations", {})
    return str(notes.get(wellknown.POLICY_NAME_ANNOTATION) or notes.get(wellknown.CLUSTER_POLICY_NAME_ANNOTATION) or "")


async def claimed_by(world: World, policy: str, name: str = "a") -> None:
    async def is_so() -> bool:
        return await claimant(world, name) == policy

    await until(is_so)


async def test_a_namespaced_policy_goes_before_a_cluster_wide_one(running: World) -> None:
    await running.hub.apply(
        policy_for("wide", "ConfigMap", namespace="", priority=100), policy_for("own", "ConfigMap"), config_map("a")
    )

    await claimed_by(running, "own")


async def test_a_claim_is_sticky(running: World) -> None:
    await running.hub.apply(policy_for("b", "ConfigMap"), config_map("a"))
    await claimed_by(running, "b")

    await running.hub.apply(policy_for("a", "ConfigMap", priority=10), config_map("z"))
    await claimed_by(running, "a", "z")

    assert await claimant(running) == "b"


async def test_a_policy_with_preemption_takes_the_template(running: World) -> None:
    await running.hub.apply(policy_for("low", "ConfigMap"), config_map("a"))
    await claimed_by(running, "low")

    await running.hub.apply(policy_for("high", "ConfigMap", selected="a", priority=5, preemption="Always"))

    await claimed_by(running, "high")


async def test_the_next_policy_takes_over_from_a_deleted_one(running: World) -> None:
    await running.hub.apply(policy_for("one", "ConfigMap"), config_map("a"))
    await claimed_by(running, "one")
    await running.hub.apply(policy_for("two", "ConfigMap"))

    await running.hub.delete("PropagationPolicy.policy.karmada.io", "default", "one")

    await claimed_by(running, "two")


async def test_a_cluster_wide_policy_takes_over_and_the_old_claim_goes(running: World) -> None:
    await running.hub.apply(
        policy_for("one", "ConfigMap"), policy_for("wide", "ConfigMap", namespace=""), config_map("a")
    )
    await claimed_by(running, "one")

    await running.hub.delete("PropagationPolicy.policy.karmada.io", "default", "one")

    await claimed_by(running, "wide")
    template = await running.hub.get("ConfigMap.", "default", "a")
    assert template is not None
    assert wellknown.POLICY_ID_LABEL not in template["metadata"]["labels"]

    async def one_claim() -> bool:
        binding = await running.hub.get(RB, "default", "a-configmap")
        return binding is not None and wellknown.POLICY_ID_LABEL not in binding["metadata"]["labels"]

    await until(one_claim)


async def test_an_override_is_rendered_and_its_change_too(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"), override("blue"))
    await until(lambda: running.work("m1", A) and b"blue" in bytes(running.works["m1", A].manifest))
    assert b"red" in bytes(running.works["m2", A].manifest)

    await running.hub.apply(override("green"))

    await until(lambda: b"green" in bytes(running.works["m1", A].manifest))


async def test_a_removed_override_gives_the_template_back(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"), override("blue"))
    await until(lambda: running.work("m1", A) and b"blue" in bytes(running.works["m1", A].manifest))

    await running.hub.delete("OverridePolicy.policy.karmada.io", "default", "paint")

    await until(lambda: b"red" in bytes(running.works["m1", A].manifest))


async def test_a_policy_waits_for_the_overrides_it_depends_on(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap", dependentOverrides=["paint"]), config_map("a"))
    await running.hub.apply(policy_for("other", "ConfigMap", selected="z"), config_map("z"))
    await until(lambda: running.work("m1", key_of("ConfigMap", "z")))
    assert running.work("m1", A) is None

    await running.hub.apply(override("blue"))

    await until(lambda: running.work("m1", A))


async def test_a_misfit_override_stops_that_cluster_alone(running: World) -> None:
    misfit = override("blue")
    misfit["spec"]["overrideRules"][0]["overriders"] = {"plaintext": [{"path": "/no/where", "operator": "remove"}]}

    await running.hub.apply(policy_for("all", "ConfigMap"), misfit, config_map("a"))

    await until(lambda: running.work("m2", A))
    assert running.work("m1", A) is None
    outcome = await until(lambda: running.outcomes.get(A))
    assert set(outcome.expected) == {"m1", "m2"}
    assert "OverridePolicy default/paint" in outcome.failures["m1"]


async def test_suspended_dispatching_travels_with_the_work(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap", suspension={"dispatching": True}), config_map("a"))

    work = await until(lambda: running.work("m1", A))

    assert work.suspended


async def test_preserved_resources_are_released_and_not_deleted(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap", preserveResourcesOnDeletion=True), config_map("a"))
    await until(lambda: running.work("m2", A))

    await running.hub.delete("ConfigMap.", "default", "a")
    await until(lambda: not running.works)

    tombstones = [w for w in running.history if w.op == "delete"]
    assert len(tombstones) == 2
    assert all(w.preserve_on_deletion for w in tombstones)


async def test_a_lazy_policy_waits_for_the_user(running: World) -> None:
    lazy: dict[str, Any] = {"activationPreference": "Lazy"}
    await running.hub.apply(policy_for("all", "ConfigMap", **lazy), config_map("a", color="red"))
    await until(lambda: running.work("m2", A))
    running.place = lambda request: [("m1", 0)]

    one = {"clusterAffinity": {"clusterNames": ["m1"]}}
    await running.hub.apply(policy_for("all", "ConfigMap", placement=one, **lazy), config_map("b"))
    await until(lambda: running.work("m1", key_of("ConfigMap", "b")))
    assert running.work("m2", A) is not None

    await running.hub.apply(config_map("a", color="blue"))

    await until(lambda: running.work("m2", A) is None)


async def test_a_template_made_anew_carries_the_removal_of_the_old(running: World) -> None:
    running.agents_answer = False
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    old = (await until(lambda: running.work("m1", A))).template.uid

    await running.hub.delete("ConfigMap.", "default", "a")
    await running.hub.apply(config_map("a"))

    async def replaced() -> bool:
        work = running.work("m1", A)
        return work is not None and work.op == "apply" and work.template.uid != old

    running.agents_answer = True
    for work in [w for w in running.history if w.op == "delete"]:
        await running.report_gone(work)
    await until(replaced)
    removes = [r.template_uid for w in running.history for r in w.removes]
    tombstones = [w.template.uid for w in running.history if w.op == "delete"]
    assert old in removes + tombstones


async def test_two_kinds_of_one_name_get_bindings_of_their_own(running: World) -> None:
    await running.hub.define("shop.example", "ConfigMap")
    other = {"apiVersion": "shop.example/v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    both = policy_for("all", "ConfigMap")
    both["spec"]["resourceSelectors"].append({"apiVersion": "shop.example/v1", "kind": "ConfigMap"})

    await running.hub.apply(both, config_map("a"), other)

    await until(lambda: len({key for _, key in running.works}) == 2)
    assert A in {key for _, key in running.works}


async def test_custom_resources_follow_their_definition(running: World) -> None:
    await running.hub.define("shop.example", "Basket")
    policy = policy_for("baskets", "ConfigMap", namespace="")
    policy["spec"]["resourceSelectors"] = [{"apiVersion": "shop.example/v1", "kind": "Basket"}]
    basket = {"apiVersion": "shop.example/v1", "kind": "Basket", "metadata": {"name": "x", "namespace": "default"}}

    await running.hub.apply(policy, basket)

    await until(lambda: running.work("m1", OriginKey("default", "x-basket")))


def override(color: str) -> dict[str, Any]:
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": {"name": "paint", "namespace": "default"},
        "spec": {
            "resourceSelectors": [{"apiVersion": "v1", "kind": "ConfigMap"}],
            "overrideRules": [
                {
                    "targetCluster": {"clusterNames": ["m1"]},
                    "overriders": {"plaintext": [{"path": "/data", "operator": "add", "value": {"color": color}}]},
                }
            ],
        },
    }
