"""One sandbox for all stories of this folder; each story has a namespace of its own in it."""

import re
from collections.abc import Iterator

import pytest

from tests import worlds


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[worlds.Sandbox]:
    found = worlds.Sandbox(tmp_path_factory.mktemp("fleet"))
    try:
        yield found
    finally:
        found.down()


@pytest.fixture
def hub(sandbox: worlds.Sandbox) -> worlds.Cluster:
    return sandbox.hub


@pytest.fixture
def members(sandbox: worlds.Sandbox) -> dict[str, worlds.Cluster]:
    return sandbox.members


@pytest.fixture
def ns(request: pytest.FixtureRequest, hub: worlds.Cluster, members: dict[str, worlds.Cluster]) -> Iterator[str]:
    """A namespace of this story alone, there in every member."""
    name = re.sub(r"[^a-z0-9-]+", "-", request.node.name.lower()).strip("-")[:50].strip("-")
    hub.apply(worlds.namespace(name))
    for member in members.values():
        worlds.until(lambda member=member: member.object("namespaces", name), what=f"namespace {name} in {member.name}")
    yield name
    hub.kubectl("delete", "namespace", name, "--wait=false")
