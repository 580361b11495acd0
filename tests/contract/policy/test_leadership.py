"""One leads, the others stand by; who slept and wakes up does no harm; nothing is sent that the hub does not say."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from libs.common.api import wellknown
from libs.common.kube.resources import LEASES, ObjectKey
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World

A = key_of("ConfigMap", "a")
QUICK = {"ARGOSY_LEASE_DURATION": "1s", "ARGOSY_LEASE_RENEW_DEADLINE": "700ms", "ARGOSY_LEASE_RETRY_PERIOD": "100ms"}


@asynccontextmanager
async def process(environ: dict[str, str], identity: str) -> AsyncIterator[Process]:
    """Policy as a process of its own."""
    made = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.policy.main",
        env=os.environ | environ | QUICK | {"ARGOSY_IDENTITY": identity},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        yield made
    finally:
        with suppress(ProcessLookupError):
            made.kill()
        await made.wait()


async def holder(world_: World) -> str:
    lease = await world_.hub.get("Lease.coordination.k8s.io", wellknown.SYSTEM_NAMESPACE, "argosy-policy")
    return str(lease["spec"].get("holderIdentity", "")) if lease is not None else ""


async def led_by(world_: World, identity: str) -> None:
    async def leads() -> bool:
        return await holder(world_) == identity

    await until(leads, limit=20)


async def test_a_standby_takes_over(outside: World, kubeconfig: Path, nats_url: str, prefix: str) -> None:
    environ = world.environ_of(kubeconfig, nats_url, prefix)
    async with process(environ, "first") as first:
        await led_by(outside, "first")
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"))
        await until(lambda: outside.work("m2", A))
        async with process(environ, "second"):
            first.kill()
            await led_by(outside, "second")
            await outside.hub.apply(config_map("a", color="blue"))

            await until(lambda: b"blue" in bytes(outside.works["m2", A].manifest))


async def test_a_leader_that_slept_past_its_lease_does_no_harm(
    outside: World, kubeconfig: Path, nats_url: str, prefix: str
) -> None:
    environ = world.environ_of(kubeconfig, nats_url, prefix)
    async with process(environ, "first") as first:
        await led_by(outside, "first")
        await outside.hub.apply(policy_for("all", "ConfigMap"), config_map("a", color="red"))
        await until(lambda: outside.work("m2", A))
        first.send_signal(signal.SIGSTOP)
        async with process(environ, "second"):
            await led_by(outside, "second")
            await outside.hub.apply(config_map("a", color="blue"))
            await until(lambda: b"blue" in bytes(outside.works["m2", A].manifest))
            await outside.hub.delete("ConfigMap.", "default", "a")
            await until(lambda: not outside.works)

            first.send_signal(signal.SIGCONT)
            await outside.hub.apply(config_map("b"))
            await until(lambda: outside.work("m2", key_of("ConfigMap", "b")))

        assert outside.work("m2", A) is None
        assert len({w.order for w in outside.history}) == len(outside.history)


async def test_nothing_is_sent_before_the_hub_has_taken_the_binding(running: World) -> None:
    await running.hub.apply(*denial())
    running.place = running.everywhere
    await until(lambda: _denies(running))

    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("denied"), config_map("a"))
    await until(lambda: running.work("m2", A))
    key = key_of("ConfigMap", "denied")
    await until(lambda: running.requests.get(key))
    assert running.work("m1", key) is None

    await running.hub.delete("ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io", "", "deny")

    await until(lambda: running.work("m1", key), limit=30)


async def test_the_epoch_stands_in_the_lease(running: World) -> None:
    await running.hub.apply(policy_for("all", "ConfigMap"), config_map("a"))
    work = await until(lambda: running.work("m1", A))

    lease = await running.hub.api.get(LEASES, ObjectKey(wellknown.SYSTEM_NAMESPACE, "argosy-policy"))

    assert f'"{wellknown.EPOCH_ANNOTATION}":"{work.order.epoch}"'.encode() in lease.replace(b" ", b"")


async def _denies(world_: World) -> bool:
    return await world_.hub.get("ValidatingAdmissionPolicy.admissionregistration.k8s.io", "", "deny") is not None


def denial() -> list[dict[str, object]]:
    """The hub refuses the binding of one ConfigMap."""
    group = "admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": ["work.karmada.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE"],
        "resources": ["resourcebindings"],
    }
    return [
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "deny"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "object.metadata.name != 'denied-configmap'"}],
            },
        },
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "deny"},
            "spec": {"policyName": "deny", "validationActions": ["Deny"]},
        },
    ]
