"""The bytes of lists and watches (reference: k8s.io/apimachinery meta/v1 List, WatchEvent)."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib import parse

import msgspec

from libs.common.api import wellknown
from libs.common.kube.errors import Garbled

SILENCE: Final = timedelta(seconds=70)
"""A watch that says nothing for so long is dead: bookmarks come every minute."""

INITIAL: Final = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
"""What asks a watch for the current objects first (KEP-3157)."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]*").fullmatch
_LONGEST_LINE = 32 * 2**20
_HEAD: Final = b'{"type":"'
_OBJECT: Final = b'","object":'


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and its object as it came."""

    type: str
    object: bytes


class ListMeta(msgspec.Struct, frozen=True, kw_only=True):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    continued: str = msgspec.field(default="", name="continue")


class RawList(msgspec.Struct, frozen=True, kw_only=True):
    """A list whose items are left as bytes."""

    metadata: ListMeta = ListMeta()
    items: list[msgspec.Raw] | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What tells an object and its state from others."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = msgspec.field(default="", name="resourceVersion")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An object of which nothing but its identity is read."""

    metadata: Metadata = Metadata()


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""


class _Marks(msgspec.Struct, frozen=True, kw_only=True):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    annotations: dict[str, str] | None = None


class Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    """The object of a BOOKMARK: up to which version everything was sent."""

    metadata: _Marks = _Marks()

    @property
    def ends_initial(self) -> bool:
        """Whether all objects that were there at the start of the watch have been sent."""
        return (self.metadata.annotations or {}).get(wellknown.INITIAL_EVENTS_END_ANNOTATION) == "true"


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    object: msgspec.Raw


_LIST = msgspec.json.Decoder(RawList)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_IDENTITY = msgspec.json.Decoder(Identity)
_KIND = msgspec.json.Decoder(_Kind)
_BOOKMARK = msgspec.json.Decoder(Bookmark)


def listing(body: bytes) -> RawList:
    """A list's metadata and items. Raises Garbled."""
    try:
        return _LIST.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Garbled(f"the server's list cannot be read: {error}") from error


def identity(body: bytes) -> Metadata:
    """Who an object is. Raises Garbled."""
    try:
        metadata = _IDENTITY.decode(body).metadata
    except (msgspec.DecodeError, RecursionError) as error:
        raise Garbled(f"the server's object cannot be read: {error}") from error
    if not metadata.name:
        raise Garbled(f"the server's object has no name: {body[:200]!r}")
    return metadata


def kind(body: bytes) -> str:
    """The kind of what the server sent. Raises Garbled."""
    try:
        return _KIND.decode(body).kind
    except (msgspec.DecodeError, RecursionError) as error:
        raise Garbled(f"the server's answer cannot be read: {error}") from error


def bookmark(body: bytes) -> Bookmark:
    """The object of a BOOKMARK event. Raises Garbled."""
    try:
        return _BOOKMARK.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Garbled(f"the server's bookmark cannot be read: {error}") from error


def event(line: bytes) -> Event:
    """One line of a watch. Raises Garbled.

    API servers write `{"type":"MODIFIED","object":{...}}`, so that the object can be cut out without being read; it is
    read, and found wrong if it is, by whoever decodes it. Any other spelling is read properly.
    """
    if line.startswith(_HEAD) and line.endswith(b"}}"):
        end = line.find(_OBJECT, len(_HEAD), len(_HEAD) + 32)
        if end > 0:
            return Event(type=line[len(_HEAD) : end].decode(), object=line[end + len(_OBJECT) : -1])
    try:
        envelope = _ENVELOPE.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Garbled(f"the server's watch event cannot be read: {error}: {line[:200]!r}") from error
    return Event(type=envelope.type, object=bytes(envelope.object))


class Lines:
    """Cuts a stream into lines of any length, looking at each byte once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole with `chunk`; the rest waits for the next. Raises Garbled for an endless line."""
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        if self._size > _LONGEST_LINE:
            raise Garbled(f"the server sends a line of more than {_LONGEST_LINE} bytes")
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts, self._size = [others[-1]], len(others[-1])
        return [line.rstrip(b"\r") for line in lines if line.strip()]


def query(**parameters: str) -> dict[str, str]:
    """The parameters that are set."""
    return {name: value for name, value in parameters.items() if value}


def encode_query(parameters: Mapping[str, str]) -> str:
    """The query part of a URL, with its question mark; "" for none."""
    if not parameters:
        return ""
    if all(_PLAIN(value) for value in parameters.values()):
        return "?" + "&".join(f"{name}={value}" for name, value in parameters.items())
    return "?" + parse.urlencode(parameters, quote_via=parse.quote)
