"""Policy is killed again and again, at any moment, while objects come, change and go; the end is right."""

import asyncio
import os
import random
import sys
import zlib
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from libs.common import subjects
from tests.contract.policy import world
from tests.contract.policy.hub import until
from tests.contract.policy.objects import config_map, key_of, policy_for
from tests.contract.policy.world import World, held

OBJECTS = 30
ROUNDS = 8


@asynccontextmanager
async def dying(environ: dict[str, str], dice: random.Random) -> AsyncIterator[list[int]]:
    """Policy as a process that is killed within a second of leading, and started again, for ever; its pids."""
    pids: list[int] = []

    async def live_and_die() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.policy.main", env=os.environ | environ, stdout=DEVNULL, stderr=DEVNULL
            )
            pids.append(process.pid)
            try:
                await asyncio.sleep(dice.uniform(0.8, 2.2))
            finally:
                process.kill()
                await process.wait()

    outer = asyncio.get_running_loop().create_task(live_and_die())
    try:
        yield pids
    finally:
        outer.cancel()
        with suppress(asyncio.CancelledError):
            await outer


async def test_killed_at_random(outside: World, kubeconfig: Path, nats_url: str, prefix: str) -> None:
    dice = random.Random(7)
    environ = world.environ_of(kubeconfig, nats_url, prefix)
    alive: dict[str, str] = {}
    outside.place = lambda request: [
        (c, 0) for c in sorted(outside.uids) if zlib.crc32(f"{request.digest}{c}".encode()) % 3
    ]
    await outside.hub.apply(policy_for("all", "ConfigMap"))

    async with dying(environ, dice) as pids:
        for number in range(OBJECTS * ROUNDS):
            name = f"o{dice.randrange(OBJECTS)}"
            if name in alive and dice.random() < 0.3:
                await outside.hub.delete("ConfigMap.", "default", name)
                del alive[name]
            else:
                alive[name] = str(number)
                await outside.hub.apply(config_map(name, n=str(number)))
            if dice.random() < 0.05:
                kept = ["m1"] if dice.random() < 0.5 else ["m1", "m2"]
                await outside.hub.apply(policy_for("all", "ConfigMap", placement=only(*kept)))
            await asyncio.sleep(dice.uniform(0, 0.1))
    assert len(pids) > 3

    outside.place = outside.everywhere
    await outside.hub.apply(policy_for("all", "ConfigMap", placement=only("m1", "m2")))
    async with world.policy(kubeconfig, nats_url, prefix):
        await until(lambda: contents(outside) == expected(outside, alive), limit=30)
        await until(lambda: settled(outside, len(alive)), limit=30)


def contents(world: World) -> dict[tuple[str, str], bool]:
    return {(c, k.name): w.op == "apply" for (c, k), w in world.works.items()}


def expected(world: World, alive: dict[str, str]) -> dict[tuple[str, str], bool]:
    for name, content in alive.items():
        for cluster in world.uids:
            work = world.work(cluster, key_of("ConfigMap", name))
            if work is None or f'"n":"{content}"'.encode() not in bytes(work.manifest):
                return {("not yet", name): False}
    return {(cluster, f"{name}-configmap"): True for name in alive for cluster in world.uids}


async def settled(world: World, objects: int) -> bool:
    """No question, answer or tombstone is left over."""
    works = await held(world, subjects.WORKS)
    rest = [s for stream in (subjects.BINDINGS, subjects.PLACEMENTS) for s in await held(world, stream)]
    return len(works) == objects * len(world.uids) and not rest


def only(*clusters: str) -> dict[str, object]:
    return {"clusterAffinity": {"clusterNames": list(clusters)}}
