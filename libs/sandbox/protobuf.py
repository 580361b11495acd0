"""Kubernetes' protobuf encoding, read: clients with compiled types send it. Answers are always JSON.

Reference: k8s.io/apimachinery pkg/runtime/serializer/protobuf; `data/messages.json.gz` has the messages.
"""

import base64
import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

MAGIC: Final = b"k8s\x00"
_META: Final = "k8s.io.apimachinery.pkg.apis.meta.v1"
_UNKNOWN: Final = "k8s.io.apimachinery.pkg.runtime"
_ARRAYS: Final = ("ExtraValue", "Verbs")
"""Messages that are lists in JSON."""
_PACK: Final = Path(__file__).parent / "data" / "messages.json.gz"

Fields: TypeAlias = Mapping[int, tuple[str, str, str]]
"""By number: JSON name, type, marks (see `data/protobuf.py`)."""


class Malformed(Exception):
    """The bytes are no such message."""


def decoded(body: bytes) -> dict[str, Any]:
    """The object in an envelope (`runtime.Unknown`), as its JSON would be. Raises Malformed."""
    if not body.startswith(MAGIC):
        raise Malformed("the body does not begin as Kubernetes' protobuf does")
    try:
        envelope = dict(_wire(body[len(MAGIC) :]))
        kind = {number: value.decode() for number, value in _wire(envelope[1])}
        api_version, name = kind.get(1, ""), kind.get(2, "")
        return {"kind": name, "apiVersion": api_version, **_message(_named(api_version, name), envelope.get(2, b""))}
    except (IndexError, KeyError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise Malformed(f"the body is no message that is known here: {error!r}") from error


@cache
def _messages() -> dict[str, dict[int, tuple[str, str, str]]]:
    return msgspec.json.decode(gzip.decompress(_PACK.read_bytes()), type=dict[str, dict[int, tuple[str, str, str]]])


def _named(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    name = f"k8s.io.api.{group.partition('.')[0] or 'core'}.{version}.{kind}"
    return name if name in _messages() else f"{_META}.{kind}"


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _wire(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and raw values: int, or bytes."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        match tag & 7:
            case 0:
                value, place = _varint(data, place)
                yield tag >> 3, value - (1 << 64) if value >= 1 << 63 else value
            case 2:
                size, place = _varint(data, place)
                if place + size > len(data):
                    raise Malformed("the message is cut off")
                yield tag >> 3, data[place : place + size]
                place += size
            case other:
                raise Malformed(f"wire type {other} is not used by the Kubernetes API")


def _message(name: str, data: bytes) -> dict[str, Any]:
    made: dict[str, Any] = {}
    fields = _messages()[name]
    for number, raw in _wire(data):
        if number not in fields:
            continue
        key, kind, marks = fields[number]
        if "m" in marks:
            pair = dict(_wire(raw))
            made.setdefault(key, {})[pair.get(1, b"").decode()] = _value(kind, pair.get(2, b""))
        elif "r" in marks:
            made.setdefault(key, []).append(_value(kind, raw))
        elif "i" in marks:
            made |= _value(kind, raw)
        else:
            value = _value(kind, raw)
            if value is not None and (value or "o" not in marks or isinstance(value, dict)):
                made[key] = value
    return made


def _value(kind: str, raw: Any) -> Any:
    match kind:
        case "string":
            return raw.decode()
        case "bytes":
            return base64.b64encode(raw).decode()
        case "bool":
            return bool(raw)
        case "int32" | "int64":
            return raw
    last = kind.rpartition(".")[2]
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(dict(_wire(raw)))
    return _message(kind, raw)["items"] if last in _ARRAYS else _message(kind, raw)


def _time(parts: dict[int, Any]) -> str | None:
    if not parts:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=parts.get(1, 0))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(parts: dict[int, Any]) -> str | None:
    whole = _time(parts)
    return f"{whole[:-1]}.{parts.get(2, 0) // 1000:06d}Z" if whole else None


def _duration(parts: dict[int, Any]) -> str:
    return f"{parts.get(1, 0) / 1e9:g}s"


def _quantity(parts: dict[int, Any]) -> str:
    return str(parts.get(1, b"0").decode())


def _int_or_string(parts: dict[int, Any]) -> int | str:
    return str(parts.get(3, b"").decode()) if parts.get(1) else int(parts.get(2, 0))


def _raw_json(parts: dict[int, Any]) -> Any:
    return msgspec.json.decode(parts[1]) if parts.get(1) else {}


_SPECIAL: Final = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.Duration": _duration,
    f"{_META}.FieldsV1": _raw_json,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    f"{_UNKNOWN}.RawExtension": _raw_json,
}
