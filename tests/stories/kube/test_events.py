"""Events for people: counted, limited, and never in the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import prometheus_client
import pytest

from libs.common.api.work import ObjectReference
from libs.common.kube import resources
from libs.common.kube.client import Client
from libs.common.kube.events import Recorder
from tests.stories.kube.embedded import Embedded, embedded

ABOUT = ObjectReference(api_version="v1", kind="ConfigMap", namespace="default", name="a", uid="u1")


@asynccontextmanager
async def recording(server: Embedded) -> AsyncIterator[tuple[Client, Recorder]]:
    async with server.client() as api, asyncio.TaskGroup() as tasks:
        recorder = Recorder(api, "argosy-tests")
        task = tasks.create_task(recorder.run())
        yield api, recorder
        task.cancel()


async def stored(api: Client, count: int) -> list[dict[str, Any]]:
    """The events on the server, once their counts add up."""
    async with asyncio.timeout(10):
        while True:
            found = [msgspec.json.decode(item) for item in (await api.list(resources.EVENTS)).items]
            if sum(each["count"] for each in found) >= count:
                return found
            await asyncio.sleep(0.01)


async def test_an_event_says_what_happened_to_whom(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, recording(server) as (api, recorder):
        await recorder.record(ABOUT, "Warning", "ApplyFailed", "no such namespace")
        (event,) = await stored(api, 1)
        about = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "a", "uid": "u1"}
        assert event["involvedObject"] == about
        assert (event["type"], event["reason"], event["message"]) == ("Warning", "ApplyFailed", "no such namespace")
        assert event["source"]["component"] == "argosy-tests"


async def test_a_repetition_is_counted_on_the_first(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, recording(server) as (api, recorder):
        await recorder.record(ABOUT, "Normal", "Scheduled", "to member1")
        await stored(api, 1)
        for _ in range(4):
            await recorder.record(ABOUT, "Normal", "Scheduled", "to member1")
        (event,) = await stored(api, 5)
        assert event["count"] == 5


async def test_an_event_that_has_expired_begins_anew(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, recording(server) as (api, recorder):
        await recorder.record(ABOUT, "Normal", "Scheduled", "to member1")
        (event,) = await stored(api, 1)
        await api.delete(resources.EVENTS, resources.ObjectKey("default", event["metadata"]["name"]))
        await recorder.record(ABOUT, "Normal", "Scheduled", "to member1")
        assert [each["count"] for each in await stored(api, 1)] == [1]


async def test_one_object_gets_a_burst_and_no_flood(tmp_path: Path) -> None:
    def limited() -> float:
        return prometheus_client.REGISTRY.get_sample_value("argosy_events_dropped_total", {"why": "limit"}) or 0.0

    before = limited()
    async with embedded(tmp_path) as server, recording(server) as (api, recorder):
        for number in range(100):
            await recorder.record(ABOUT, "Normal", "Scheduled", f"message {number}")
        assert len(await stored(api, 25)) == 25
        assert limited() - before == 75


async def test_events_about_cluster_scoped_objects_stand_in_default(tmp_path: Path) -> None:
    about = ObjectReference(api_version="cluster.karmada.io/v1alpha1", kind="Cluster", name="m1", uid="u2")
    async with embedded(tmp_path) as server, recording(server) as (api, recorder):
        await recorder.record(about, "Normal", "Ready", "yes")
        (event,) = await stored(api, 1)
        assert event["metadata"]["namespace"] == "default"


async def test_a_refusal_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    nowhere = ObjectReference(api_version="v1", kind="ConfigMap", namespace="nowhere", name="a", uid="u3")
    async with embedded(tmp_path) as server, recording(server) as (api, recorder):
        await recorder.record(nowhere, "Normal", "Lost", "in space")
        await recorder.record(ABOUT, "Normal", "Scheduled", "to member1")
        assert [each["reason"] for each in await stored(api, 1)] == ["Scheduled"]


@pytest.mark.timeout(20)
async def test_recording_does_not_wait_for_a_server_that_is_away(tmp_path: Path) -> None:
    def dropped() -> float:
        return prometheus_client.REGISTRY.get_sample_value("argosy_events_dropped_total", {"why": "queue"}) or 0.0

    before = dropped()
    async with embedded(tmp_path) as server, recording(server) as (_, recorder):
        await server.stop()
        async with asyncio.timeout(1):
            for number in range(3000):
                about = ObjectReference(api_version="v1", kind="ConfigMap", namespace="default", name=f"o{number}")
                await recorder.record(about, "Normal", "Scheduled", "somewhere")
        assert dropped() - before >= 1990
        await server.start()
