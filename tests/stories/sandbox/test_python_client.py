"""kubernetes-asyncio, which knows nothing of where it speaks to."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
import yaml
from kubernetes_asyncio import client, config, dynamic, watch

from libs.sandbox.cluster import Cluster
from libs.sandbox.serving import server as serving
from tests.unit.sandbox import api as objects


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[client.ApiClient]:
    """A client with the server's kubeconfig."""
    server = await serving.serve(Cluster("test"), "127.0.0.1", 0, "secret")
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(server.kubeconfig("test")))
    settings = client.Configuration()
    await config.load_kube_config(str(path), client_configuration=settings)
    async with client.ApiClient(settings) as made:
        yield made
    await server.close()


async def test_version(api: client.ApiClient) -> None:
    assert (await client.VersionApi(api).get_code()).minor == "36"


async def test_create_patch_and_scale(api: client.ApiClient) -> None:
    apps = client.AppsV1Api(api)
    await apps.create_namespaced_deployment("default", objects.deployment())
    patched = await apps.patch_namespaced_deployment("web", "default", {"spec": {"replicas": 4}})
    scale = await apps.read_namespaced_deployment_scale("web", "default")
    assert (patched.spec.replicas, scale.spec.replicas) == (4, 4)


async def test_watch(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    await core.create_namespaced_config_map("default", objects.config_map(x="1"))
    seen: list[Any] = []
    async with watch.Watch().stream(core.list_namespaced_config_map, "default", timeout_seconds=1) as events:
        async for event in events:
            seen.append((event["type"], event["object"].metadata.name))
    assert seen == [("ADDED", "a")]


async def test_dynamic_client(api: client.ApiClient) -> None:
    definitions = client.ApiextensionsV1Api(api)
    await definitions.create_custom_resource_definition(objects.definition())
    found = await (await dynamic.DynamicClient(api)).resources.get(api_version="example.com/v1", kind="Foo")
    made = await found.create(body=objects.foo(a=1), namespace="default")
    assert made.spec.a == 1
