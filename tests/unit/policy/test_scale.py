"""What one event costs policy does not grow with how much there is."""

import time
from typing import Any, cast

import msgspec
import pytest
import pytest_asyncio

from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from services.policy.leadership import Leadership
from services.policy.settings import Settings

CLUSTERS, BINDINGS = 1000, 20_000


def cluster(number: int, *, version: int = 1, cpu: str = "4", env: str = "prod", deleted: bool = False) -> bytes:
    enablements = [
        {"groupVersion": f"g{g}/v1", "resources": [{"name": f"r{r}", "kind": f"Kind{r}"} for r in range(4)]}
        for g in range(25)
    ]
    metadata = {"name": f"m{number}", "uid": f"u{number}", "resourceVersion": str(version), "labels": {"env": env}}
    return msgspec.json.encode(
        {
            "metadata": metadata | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}),
            "spec": {"syncMode": "Push"},
            "status": {"apiEnablements": enablements, "resourceSummary": {"allocatable": {"cpu": cpu}}},
        }
    )


def binding(number: int, *, version: int = 1, replicas: int = 0) -> bytes:
    metadata = {"namespace": "default", "name": f"b{number}", "uid": f"b{number}", "resourceVersion": str(version)}
    resource = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": f"b{number}", "uid": "t"}
    spec = {"resource": resource, "replicas": replicas, "clusters": [{"name": "m0"}, {"name": "m1"}]}
    return msgspec.json.encode({"metadata": metadata, "spec": spec})


@pytest_asyncio.fixture
async def leading() -> Leadership:
    """Policy in the middle of its life, with a large fleet in its caches; it is not connected to anything."""
    api = Client(Credentials(server="http://hub.invalid"), user_agent="test")
    made = Leadership(api, cast(Any, None), Settings(), "hub")
    for number in range(CLUSTERS):
        seen(made, "clusters", cluster(number))
    for number in range(BINDINGS):
        seen(made, "resourcebindings", binding(number))
    made.routing.begin()
    return made


def seen(leading: Leadership, plural: str, body: bytes) -> None:
    """What a watch of the hub does with an object."""
    next(i for i in leading.hub.informers() if i.resource.plural == plural).observe(body)


@pytest.mark.parametrize("what", [{"cpu": True}, {"env": True}])
async def test_a_cluster_event_costs_less_than_5_ms(leading: Leadership, what: dict[str, bool]) -> None:
    bodies = [cluster(n, version=10 + n, **{field: str(n) for field in what}) for n in range(200)]
    began = time.process_time()
    for body in bodies:
        seen(leading, "clusters", body)
        leading.view.fleet()
    assert time.process_time() - began < 0.005 * len(bodies)


async def test_a_binding_event_looks_at_no_other(leading: Leadership, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(leading, "clusters", cluster(0, version=5, deleted=True))
    leading.view.fleet()

    def scan() -> None:
        raise AssertionError("all are looked at")

    monkeypatch.setattr(leading.hub, "bindings", scan)
    monkeypatch.setattr(leading.hub, "clusters", scan)
    monkeypatch.setattr(leading.view.works, "in_cluster", scan)
    seen(leading, "resourcebindings", binding(7, version=9, replicas=3))
    assert leading.clusters._is_named("m0")


async def test_a_cluster_that_leaves_is_free_when_the_last_binding_has_left_it(leading: Leadership) -> None:
    assert leading.clusters._is_named("m1")
    assert not leading.clusters._is_named("m2")
