"""What stands in a table's cells: words that several kinds share.

Reference: k8s.io/kubernetes pkg/printers/internalversion, k8s.io/apimachinery pkg/util/duration.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

from libs.sandbox import selectors
from libs.sandbox.store import Object

NONE: Final = "<none>"
UNKNOWN: Final = "<unknown>"

Cell: TypeAlias = str | int | float | bool | None


class Column(NamedTuple):
    """One column: its heading, how a cell is made of an object, its type, and whether only `-o wide` shows it."""

    name: str
    cell: Callable[[Object], Cell]
    type: str = "string"
    wide: bool = False
    description: str = ""


def get(obj: Any, path: str, default: Any = None) -> Any:
    """What stands at a dotted path, `default` if nothing does."""
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, Mapping) else None
    return default if obj is None else obj


def name(obj: Object) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def age(obj: Object) -> str:
    """How long ago the object was created."""
    return since(obj["metadata"].get("creationTimestamp"))


def at(path: str, default: Cell = NONE) -> Callable[[Object], Cell]:
    """A cell that shows what stands at a path."""

    def cell(obj: Object) -> Cell:
        value = get(obj, path)
        return default if value is None or value == "" else value

    return cell


def since(stamp: str | None, now: datetime | None = None) -> str:
    """How long ago a written time is, in the two largest units that matter."""
    if not stamp:
        return UNKNOWN
    return duration((now or datetime.now(UTC)) - datetime.fromisoformat(stamp)) if stamp else UNKNOWN


def duration(span: Any) -> str:
    """A span of time as people read it: `118s`, `5m20s`, `3h`, `2d4h`, `1y20d`."""
    seconds = int(span.total_seconds())
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    for limit, unit, value, rest, small in (
        (10 * 60, "m", minutes, seconds % 60, "s"),
        (180 * 60, "m", minutes, 0, ""),
        (8 * 3600, "h", hours, minutes % 60, "m"),
        (48 * 3600, "h", hours, 0, ""),
        (192 * 3600, "d", days, hours % 24, "h"),
        (730 * 86400, "d", days, 0, ""),
        (8 * 365 * 86400, "y", days // 365, days % 365, "d"),
    ):
        if seconds < limit:
            return f"{value}{unit}{rest}{small}" if rest else f"{value}{unit}"
    return f"{days // 365}y"


def joined(values: Iterable[Any], empty: str = NONE) -> str:
    """Words in a row."""
    return ",".join(str(value) for value in values) or empty


def selector(obj: Any, path: str = "spec.selector") -> str:
    """A label selector, or a map of labels, in its text form."""
    return selectors.text(get(obj, path, {})) or NONE


def containers(path: str, key: str) -> Callable[[Object], Cell]:
    """A cell with the names or images of a pod template's containers."""
    return lambda obj: joined(each.get(key, "") for each in get(obj, path, ()))
