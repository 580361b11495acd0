"""What the controllers ask of any object: plain functions over stored dicts, which nobody changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec

Object: TypeAlias = Mapping[str, Any]
"""A stored object. It is shared: a change is a new dict."""

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels and nothing that looks alike (k8s.io/apimachinery util/rand)."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def name(obj: Object) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def namespace(obj: Object) -> str:
    """The object's namespace, empty for cluster-scoped kinds."""
    return str(obj["metadata"].get("namespace") or "")


def uid(obj: Object) -> str:
    """The object's uid."""
    return str(obj["metadata"]["uid"])


def labels(obj: Object) -> Mapping[str, str]:
    """The object's labels, perhaps none."""
    return obj["metadata"].get("labels") or {}


def annotations(obj: Object) -> Mapping[str, str]:
    """The object's annotations, perhaps none."""
    return obj["metadata"].get("annotations") or {}


def status(obj: Object) -> Mapping[str, Any]:
    """The object's status, perhaps empty."""
    return obj.get("status") or {}


def generation(obj: Object) -> int:
    """The generation of the spec."""
    return int(obj["metadata"].get("generation") or 0)


def terminating(obj: Object) -> bool:
    """Whether a deletion has begun."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def owners(obj: Object) -> Sequence[Mapping[str, Any]]:
    """The object's owner references, perhaps none."""
    return obj["metadata"].get("ownerReferences") or ()


def controller(obj: Object) -> Mapping[str, Any] | None:
    """The owner reference of the controller, if there is one."""
    for owner in owners(obj):
        if owner.get("controller"):
            return owner
    return None


def owner_reference(api_version: str, kind: str, owner: Object) -> dict[str, Any]:
    """The reference that a controller puts on what it makes."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name(owner),
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def with_metadata(obj: Object, **changes: Any) -> dict[str, Any]:
    """The object with some keys of its metadata replaced; a key whose new value is empty goes."""
    metadata = {**obj["metadata"], **changes}
    return {**obj, "metadata": {key: value for key, value in metadata.items() if value or key not in changes}}


def with_status(obj: Object, new: Mapping[str, Any]) -> dict[str, Any]:
    """The object with another status."""
    return {**obj, "status": new}


def counts(**numbers: int) -> dict[str, int]:
    """The numbers that are not zero: Kubernetes leaves the others out."""
    return {key: number for key, number in numbers.items() if number}


def digest(value: Any) -> str:
    """Ten letters that tell one template from another, fit for a name."""
    number = int.from_bytes(blake2b(_encode(value), digest_size=8).digest(), "big")
    return "".join(_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(10))


def stamp(moment: datetime) -> str:
    """A time as the API writes it, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(written: str) -> datetime:
    """A time as the API writes it, read."""
    return datetime.fromisoformat(written)


def since(written: str | None, now: datetime) -> timedelta:
    """How long ago a written time is; zero for none."""
    return now - moment(written) if written else timedelta()


def condition(conditions: Iterable[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    """The condition of that type, if it stands."""
    for each in conditions:
        if each["type"] == kind:
            return each
    return None


def is_true(obj: Object, kind: str) -> bool:
    """Whether the object has a condition of that type and it is True."""
    found = condition(status(obj).get("conditions") or (), kind)
    return found is not None and found["status"] == "True"


def selects(selector: Mapping[str, Any] | None, marks: Mapping[str, str]) -> bool:
    """Whether a LabelSelector takes these labels. None takes nothing, an empty one everything."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if marks.get(key) != value:
            return False
    return all(_meets(requirement, marks) for requirement in selector.get("matchExpressions") or ())


def _meets(requirement: Mapping[str, Any], marks: Mapping[str, str]) -> bool:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or ()
    match operator:
        case "In":
            return key in marks and marks[key] in values
        case "NotIn":
            return key not in marks or marks[key] not in values
        case "Exists":
            return key in marks
        case "DoesNotExist":
            return key not in marks
        case "Gt" | "Lt" if key in marks and marks[key].lstrip("-").isdigit() and len(values) == 1:
            bound = int(next(iter(values)))
            return int(marks[key]) > bound if operator == "Gt" else int(marks[key]) < bound
        case _:
            return False


def portion(value: int | str | None, whole: int, *, up: bool, default: int | str) -> int:
    """An IntOrString of a whole: `"25%"` of 10 is 3 rounded `up` and 2 else."""
    value = default if value is None else value
    if isinstance(value, int):
        return value
    percent = int(value.rstrip("%"))
    return -(-whole * percent // 100) if up else whole * percent // 100
