"""The agent as a process, in pull mode: it starts, it stops when asked, and after a kill the next one acts at once."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.stories.agent.scene import CONFIG_MAPS, PATIENCE, Scene, config_map


@asynccontextmanager
async def process(
    world: Scene, nats_url: str, directory: Path, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """An agent of the scene's member, as its own process."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("ARGOSY_", "OTEL_"))},
        "ARGOSY_MODE": "pull",
        "ARGOSY_NATS_URL": nats_url,
        "ARGOSY_SUBJECT_PREFIX": world.bus.subjects.prefix,
        "ARGOSY_CLUSTER_NAME": world.identity.cluster,
        "ARGOSY_CLUSTER_UID": world.identity.cluster_uid,
        "ARGOSY_HUB_UID": world.identity.hub_uid,
        "ARGOSY_MEMBER_KUBECONFIG": str(world.server.kubeconfig),
        "ARGOSY_ADDRESS_FILE": str(directory / "address"),
        **{f"ARGOSY_{name.upper()}": value for name, value in settings.items()},
    }
    started = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.agent.main", env=environment)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def test_it_acts_until_it_is_asked_to_stop(idle: Scene, nats_url: str, tmp_path: Path) -> None:
    async with process(idle, nats_url, tmp_path) as running:
        await idle.applied(await idle.apply(config_map("one")))
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await running.wait() == 0


@pytest.mark.timeout(60)
async def test_after_a_kill_the_next_one_need_not_wait_for_the_lease(
    idle: Scene, nats_url: str, tmp_path: Path
) -> None:
    async with process(idle, nats_url, tmp_path) as first:
        await idle.applied(await idle.apply(config_map("one")))
        first.kill()
        await first.wait()
    async with process(idle, nats_url, tmp_path):
        await idle.applied(await idle.apply(config_map("two")))


@pytest.mark.timeout(90)
async def test_one_that_was_stopped_past_its_lease_and_wakes_up_does_no_harm(
    idle: Scene, nats_url: str, tmp_path: Path
) -> None:
    idle.patience = 20  # the first one's pull on their consumer stands for up to 8 s
    async with process(idle, nats_url, tmp_path, lease_duration="3s", beat_interval="200ms") as first:
        old, gone = await idle.apply(config_map("settings", colour="old")), await idle.apply(config_map("gone"))
        await idle.applied(old)
        await idle.applied(gone)
        first.send_signal(signal.SIGSTOP)
        new = await idle.apply(config_map("settings", colour="new"))
        tombstone = await idle.remove(gone)
        async with process(idle, nats_url, tmp_path, lease_duration="3s", beat_interval="200ms", host="elsewhere"):
            await idle.applied(new)
            await idle.removed(tombstone)
            second = idle.beats[-1].agent
            first.send_signal(signal.SIGCONT)
            heard = len(idle.beats)
            await idle.until(lambda: len(idle.beats) > heard + 10, "more beats")
            assert idle.beats[-1].agent == second
            await idle.applied(await idle.apply(config_map("fence")))
            found = await idle.get(CONFIG_MAPS, "settings")
            assert found is not None
            assert found["data"] == {"colour": "new"}
            assert await idle.get(CONFIG_MAPS, "gone") is None
