"""Events in their two shapes: v1, in which they are stored, and events.k8s.io/v1, which is a view of the same.

Reference: k8s.io/kubernetes pkg/apis/events/v1/conversion.go.
"""

from typing import Any, Final

from libs.sandbox.store import Object

_NAMES: Final = (
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingController", "reportingComponent"),
)
_TO_CORE: Final = dict(_NAMES)
_FROM_CORE: Final = {core: name for name, core in _NAMES}


def stored(event: Object) -> dict[str, Any]:
    """An events.k8s.io/v1 Event as it is stored."""
    return {_TO_CORE.get(key, key): value for key, value in event.items()} | {"apiVersion": "v1"}


def viewed(event: Object) -> dict[str, Any]:
    """A stored Event as events.k8s.io/v1 shows it."""
    return {_FROM_CORE.get(key, key): value for key, value in event.items()} | {"apiVersion": "events.k8s.io/v1"}
