"""What stands in tables."""

from datetime import timedelta
from typing import Any

import pytest

from libs.sandbox.tables import cells, paths, pods

DURATIONS = [
    (0, "0s"),
    (119, "119s"),
    (120, "2m"),
    (330, "5m30s"),
    (600, "10m"),
    (179 * 60, "179m"),
    (3 * 3600 + 300, "3h5m"),
    (9 * 3600, "9h"),
    (49 * 3600, "2d1h"),
    (8 * 86400, "8d"),
    (800 * 86400, "2y70d"),
    (9 * 365 * 86400, "9y"),
    (-5, "<invalid>"),
]


@pytest.mark.parametrize(("seconds", "wanted"), DURATIONS)
def test_durations(seconds: int, wanted: str) -> None:
    assert cells.duration(timedelta(seconds=seconds)) == wanted


OBJECT: dict[str, Any] = {"a": {"b.c": [1, 2]}, "list": [{"type": "x", "v": 1}, {"type": "y", "v": 2}], "zero": 0}
PATHS = [
    (".a", OBJECT["a"]),
    (".a['b.c'][1]", 2),
    (r".a.b\.c[0]", 1),
    (".list[*].v", 1),
    ('.list[?(@.type=="y")].v', 2),
    ('.list[?(@.type!="x")].v', 2),
    ("{.zero}", 0),
    (".nothing.at.all", None),
    (".list[7]", None),
    (".broken[", None),
]


@pytest.mark.parametrize(("path", "wanted"), PATHS)
def test_paths(path: str, wanted: Any) -> None:
    assert paths.find(path, OBJECT) == wanted


def status(**fields: Any) -> dict[str, Any]:
    """A pod with that status."""
    return {"metadata": {"name": "p"}, "spec": {"containers": [{}], "initContainers": [{}, {}]}, "status": fields}


def waiting(reason: str) -> dict[str, Any]:
    """The status of a container that waits."""
    return {"state": {"waiting": {"reason": reason}}}


PODS = [
    (status(phase="Pending"), "Pending"),
    (status(phase="Running", containerStatuses=[{"state": {"running": {}}}]), "Running"),
    (status(phase="Pending", containerStatuses=[waiting("ImagePullBackOff")]), "ImagePullBackOff"),
    (status(phase="Failed", reason="Evicted"), "Evicted"),
    (status(phase="Pending", initContainerStatuses=[waiting("PodInitializing")]), "Init:0/2"),
    (status(phase="Failed", containerStatuses=[{"state": {"terminated": {"exitCode": 3}}}]), "ExitCode:3"),
]


@pytest.mark.parametrize(("pod", "wanted"), PODS)
def test_a_pod_in_a_word(pod: dict[str, Any], wanted: str) -> None:
    assert pods.COLUMNS[1].cell(pod) == wanted
