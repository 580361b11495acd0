"""What one API server holds: objects by kind, each with its bytes, and the recent changes that watches resume from."""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from libs.sandbox.kinds import Resource

Object: TypeAlias = dict[str, Any]
"""A stored object. It is shared by all who read it: nobody changes it, a change is a new dict."""

Key: TypeAlias = tuple[str, str]
"""Namespace ("" for cluster-scoped kinds) and name."""

HISTORY: Final = 2000
"""Changes that a table remembers at most."""
HISTORY_BYTES: Final = 32 << 20

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Object).decode


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An object, its JSON, and the version at which it came to be so."""

    object: Object
    raw: bytes
    version: int


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One committed change. For DELETED `object` is the last state, with the version of the deletion."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: Resource
    object: Object
    old: Object | None = None
    raw: bytes
    old_raw: bytes | None = None
    version: int


class Past(NamedTuple):
    """A change as it is remembered: as JSON alone, which takes a fraction of the memory of the objects."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    raw: bytes
    old: bytes | None
    version: int


class Watcher(Protocol):
    """Who wants to know of the changes of a table."""

    def deliver(self, event: Event) -> None:
        """A change was committed."""
        ...

    def withdrawn(self, resource: Resource) -> None:
        """A kind is served no more."""
        ...


class Table:
    """The objects of one kind, whatever the version they are asked in."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.entries: dict[Key, Entry] = {}
        self.namespaces: dict[str, dict[str, Entry]] = {}
        self.history: deque[Past] = deque()
        self.floor = 0
        """The version from which on `history` is complete."""
        self.watchers: set[Watcher] = set()
        self._remembered = 0

    def get(self, key: Key) -> Entry | None:
        """The entry under that key, if there is one."""
        return self.entries.get(key)

    def within(self, namespace: str) -> Iterator[Entry]:
        """The entries of a namespace, or of all if it is empty, ordered by namespace and name."""
        if namespace:
            named = self.namespaces.get(namespace, {})
            return (named[name] for name in sorted(named))
        return (self.entries[key] for key in sorted(self.entries))

    def put(self, key: Key, entry: Entry) -> None:
        """Sets an entry."""
        self.entries[key] = entry
        self.namespaces.setdefault(key[0], {})[key[1]] = entry

    def remove(self, key: Key) -> None:
        """Takes an entry out."""
        del self.entries[key]
        named = self.namespaces[key[0]]
        del named[key[1]]
        if not named:
            del self.namespaces[key[0]]

    def remember(self, event: Event) -> None:
        """Adds a change to the history and lets the oldest go, within the limits."""
        self.history.append(Past(event.type, event.raw, event.old_raw, event.version))
        self._remembered += len(event.raw)
        while len(self.history) > HISTORY or self._remembered > HISTORY_BYTES:
            gone = self.history.popleft()
            self._remembered -= len(gone.raw)
            self.floor = gone.version

    def since(self, version: int) -> Iterator[Event] | None:
        """The changes after a version; None if they are not all remembered."""
        if version < self.floor:
            return None
        return (self._recalled(past) for past in tuple(self.history) if past.version > version)

    def _recalled(self, past: Past) -> Event:
        return Event(
            type=past.type,
            resource=self.resource,
            object=decode(past.raw),
            old=decode(past.old) if past.old else None,
            raw=past.raw,
            old_raw=past.old,
            version=past.version,
        )
