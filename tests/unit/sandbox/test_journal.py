"""What outlives a restart."""

from pathlib import Path

import pytest

from libs.sandbox import journal
from libs.sandbox.cluster import Cluster
from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def restarted(server: Api, path: Path) -> Api:
    """The server, begun anew from its journal."""
    server.cluster.close()
    return Api(Cluster("test", path))


def test_objects_uids_and_versions_stay(path: Path) -> None:
    server = Api(Cluster("test", path))
    made = server.done("POST", api.CONFIG_MAPS, api.config_map(x="1"))
    version = server.cluster.version
    again = restarted(server, path)
    assert again.done("GET", f"{api.CONFIG_MAPS}/a") == made
    assert again.cluster.version == version


def test_what_was_deleted_stays_so(path: Path) -> None:
    server = Api(Cluster("test", path))
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    server.done("DELETE", f"{api.CONFIG_MAPS}/a")
    assert restarted(server, path).ask("GET", f"{api.CONFIG_MAPS}/a").code == 404


def test_custom_kinds_are_served_again(path: Path) -> None:
    server = Api(Cluster("test", path))
    server.done("POST", api.DEFINITIONS, api.definition())
    server.done("POST", api.FOOS, api.foo(a=1))
    twice = restarted(restarted(server, path), path)
    assert twice.done("GET", f"{api.FOOS}/x")["spec"] == {"a": 1}


def test_a_half_written_line_is_cut_off(path: Path) -> None:
    server = Api(Cluster("test", path))
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    server.cluster.close()
    with path.open("ab") as file:
        file.write(b'{"v":99,"t":"configmaps","k":["defa')
    again = Api(Cluster("test", path))
    again.done("POST", api.CONFIG_MAPS, api.config_map("b"))
    assert len(restarted(again, path).done("GET", api.CONFIG_MAPS)["items"]) == 2


def test_a_table_that_has_not_changed_is_watched_on(path: Path) -> None:
    server = Api(Cluster("test", path))
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    version = server.cluster.version
    server.done("POST", api.DEPLOYMENTS, api.deployment())
    table = restarted(server, path).cluster
    config_maps = table.registry.at("", "v1", "configmaps")
    assert config_maps is not None
    assert table.table(config_maps).since(version) is not None
    assert table.table(config_maps).since(version - 1) is None


def test_a_bloated_journal_is_compacted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "COMPACT_AT", 10_000)
    server = Api(Cluster("test", path))
    server.done("POST", api.CONFIG_MAPS, api.config_map())
    for number in range(300):
        server.done("PATCH", f"{api.CONFIG_MAPS}/a", {"data": {"x": str(number)}}, kind=api.MERGE)
    assert path.stat().st_size < 30_000
    assert restarted(server, path).done("GET", f"{api.CONFIG_MAPS}/a")["data"] == {"x": "299"}
