"""What an annotation or an image name makes a simulated pod do. Everything else starts at once and stays ready."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from libs.sandbox.controllers import objects
from libs.sandbox.controllers.objects import Object

START_AFTER: Final = "sandbox.argosy.dev/start-after"
"""How long the containers take to start and become ready, as `5s` or `500ms`; rounded up to whole seconds.

On a node it holds for all pods there that do not say it themselves.
"""
STOP_AFTER: Final = "sandbox.argosy.dev/stop-after"
"""How long the pod takes to end when it is deleted; within its grace period."""
RUN_FOR: Final = "sandbox.argosy.dev/run-for"
"""After how long the containers end by themselves. Pods of Jobs do so at once."""
EXIT_CODE: Final = "sandbox.argosy.dev/exit-code"
"""What containers that end by themselves exit with; `0` if it is not there."""
READY: Final = "sandbox.argosy.dev/ready"
"""`false`: the containers run, but never become ready."""
MISSING_IMAGE: Final = "does-not-exist"
"""An image whose last path segment begins so cannot be pulled."""

_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(obj: Object, annotation: str) -> float | None:
    """The duration in an annotation; None if there is none, or no sense in it."""
    written = objects.annotations(obj).get(annotation, "")
    parts = _PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def start_delay(pod: Object, node: Object) -> float | None:
    """After how many seconds the pod is up on that node; None for at once."""
    own = seconds(pod, START_AFTER)
    return seconds(node, START_AFTER) if own is None else own


def run_time(pod: Object) -> float | None:
    """After how many seconds the pod's containers end by themselves; None for never."""
    asked = seconds(pod, RUN_FOR)
    owner = objects.controller(pod)
    of_job = owner is not None and owner["kind"] == "Job"
    return 0.0 if asked is None and of_job else asked


def exit_code(pod: Object) -> int:
    """What the pod's containers exit with."""
    written = objects.annotations(pod).get(EXIT_CODE, "0")
    return int(written) if written.isdigit() else 1


def unpullable(containers: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names of the containers whose image does not exist."""
    return {each["name"] for each in containers if _last_segment(each).startswith(MISSING_IMAGE)}


def _last_segment(container: Mapping[str, Any]) -> str:
    return str(container.get("image") or "").rpartition("/")[2]
