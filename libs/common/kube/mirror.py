"""What is known of one kind: a cache that watches, reads of the whole and our own writes all feed, in any order.

The rules, where versions can be compared (KEP-5504; others are only equal or not):

- a state that is older than the one known, or than a known deletion, changes nothing;
- our own write may run ahead of the watch, which then says nothing new;
- a read of the whole drops what it does not name, unless our own write is younger than the read;
- a read whose version lies below what was known before it began tells that the server was put back: then it is right
  in everything. So does an object of a version that was reached before, but in another state than it had then;
- whoever is told of a change may fail: that is logged and counted, and stops no watch;
- a version says which state it is together with the uid: a server that was wiped counts from the beginning again.
"""

import sys
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec
import prometheus_client
import structlog

from libs.common.kube import wire
from libs.common.kube.resources import ObjectKey, version_number

T = TypeVar("T")

log = structlog.get_logger(__name__)

UNDECODABLE: Final = prometheus_client.Counter(
    "argosy_informer_undecodable_total", "Objects that do not have the shape that was expected.", ["resource"]
)
UNHEARD: Final = prometheus_client.Counter(
    "argosy_informer_unheard_total", "Changes that whoever was told of them failed to take in.", ["resource"]
)


_UID = "/"


class Change(msgspec.Struct, Generic[T], frozen=True):
    """One object before and after; `old` is None for one that is new, `new` for one that has gone.

    `raw` is the object as the server sent it, for a deletion its last state; it is b"" for a deletion that only the
    object's absence tells of.
    """

    key: ObjectKey
    old: T | None
    new: T | None
    raw: bytes


class Mirror(Generic[T]):
    """The objects of one kind as `decode` makes them; each change goes to `on_change`."""

    def __init__(self, name: str, decode: Callable[[bytes], T], on_change: Callable[[Change[T]], None]) -> None:
        self.cache: dict[ObjectKey, T] = {}
        self._name = name
        self._decode = decode
        self._on_change = on_change
        self._states: dict[ObjectKey, str] = {}
        # what our own writes told of before the watch did: the version up to which the watch is behind
        self._ahead: dict[ObjectKey, int] = {}
        self._gone: dict[ObjectKey, int] = {}
        # up to where the watch has told of everything: what it does not know of then is not there
        self._reached = 0
        # a read that began, and may not have come to its end, met an object of another history
        self._contradicted = False

    def observe(self, body: bytes) -> None:
        """Takes in the answer to our own write, if it is newer than what is known. Raises Garbled."""
        key, version, state = _identity(body)
        number = version_number(version)
        if key not in self.cache and number <= self._reached:
            return
        if number > max(self._number(key), self._gone.get(key, 0)):
            self._ahead[key] = number
            self._put(key, state, body)

    def forget(self, key: ObjectKey, resource_version: str) -> None:
        """Takes in that our own deletion took place, unless a state newer than `resource_version` is known."""
        number = version_number(resource_version)
        if number and self._number(key) <= number:
            self._ahead.pop(key, None)
            self._gone[key] = number
            self._drop(key, b"")

    def apply(self, type_: str, body: bytes) -> str:
        """Takes in ADDED, MODIFIED or DELETED and returns the version of the object in it. Raises Garbled."""
        key, version, state = _identity(body)
        number = version_number(version)
        self._reached = max(self._reached, number)
        if self._settle(key, number):
            return version
        if type_ == "DELETED":
            self._drop(key, body)
        else:
            self._put(key, state, body)
        return version

    def contradicts(self, body: bytes, reached: str) -> bool:
        """Whether an object that is there now shows another history than the one that led to `reached`.

        What did not change since then must be known as it is. Raises Garbled.
        """
        key, version, state = _identity(body)
        return version_number(version) <= version_number(reached) and self._states.get(key) != state

    def replacement(self, known: str) -> "Replacement[T]":
        """Begins a read of the whole; `known` is the version that was reached before."""
        floor = max((version_number(known), *self._ahead.values(), *self._gone.values()))
        return Replacement(self, floor, known)

    def _settle(self, key: ObjectKey, number: int) -> bool:
        """Whether our own writes know better than a state of this version; forgets them once they do not."""
        if number and number < max(self._ahead.get(key, 0), self._gone.get(key, -1) + 1):
            return True
        self._ahead.pop(key, None)
        self._gone.pop(key, None)
        return False

    def _number(self, key: ObjectKey) -> int:
        return version_number(self._states.get(key, "").partition(_UID)[0])

    def _put(self, key: ObjectKey, state: str, body: bytes) -> None:
        if self._states.get(key) == state:
            return
        try:
            new = self._decode(body)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            UNDECODABLE.labels(self._name).inc()
            log.warning("object is not as expected", resource=self._name, key=key, error=str(error))
            self._states[key] = state
            return
        old = self.cache.get(key)
        self.cache[key] = new
        self._states[key] = state
        self._tell(Change(key, old, new, body))

    def _drop(self, key: ObjectKey, body: bytes) -> None:
        old = self.cache.pop(key, None)
        self._states.pop(key, None)
        if old is not None:
            self._tell(Change(key, old, None, body))

    def _tell(self, change: Change[T]) -> None:
        try:
            self._on_change(change)
        except Exception:
            UNHEARD.labels(self._name).inc()
            log.exception("change could not be taken in", resource=self._name, key=change.key)


class Replacement(Generic[T]):
    """A read of the whole in progress. Changes show at once, what has gone shows at the end."""

    def __init__(self, mirror: Mirror[T], floor: int, known: str) -> None:
        self.floor = floor
        """The highest version that was known before the read."""
        self._mirror = mirror
        self._known = version_number(known)
        self._seen: set[ObjectKey] = set()
        self._doubted: dict[ObjectKey, tuple[str, bytes]] = {}

    def apply(self, type_: str, body: bytes) -> None:
        """Takes in an object that is there (ADDED, MODIFIED), or that went during the read (DELETED)."""
        mirror = self._mirror
        key, version, state = _identity(body)
        if type_ == "DELETED":
            self._seen.discard(key)
            self._doubted.pop(key, None)
            mirror.apply(type_, body)
            return
        self._seen.add(key)
        number = version_number(version)
        if number and number < max(mirror._ahead.get(key, 0), mirror._gone.get(key, -1) + 1):
            self._doubted[key] = (state, body)
        else:
            if 0 < number <= self._known and mirror._states.get(key) != state:
                mirror._contradicted = True
            mirror._put(key, state, body)

    def went_back(self, version: str) -> bool:
        """Whether the read, which is of that version, shows an earlier or another history than was known."""
        return self._mirror._contradicted or 0 < version_number(version) < self.floor

    def finish(self, version: str) -> bool:
        """Ends the read, which is of that version. Returns whether the server went back."""
        mirror, number, back = self._mirror, version_number(version), self.went_back(version)
        mirror._reached, mirror._contradicted = number, False
        for told in (mirror._ahead, mirror._gone):
            for key in [key for key, ahead in told.items() if back or ahead <= number]:
                del told[key]
        for key, (state, body) in self._doubted.items():
            if key not in mirror._ahead and key not in mirror._gone:
                mirror._put(key, state, body)
        for key in [key for key in mirror._states if key not in self._seen and key not in mirror._ahead]:
            mirror._drop(key, b"")
        return back


def _identity(body: bytes) -> tuple[ObjectKey, str, str]:
    """Which object, its version, and what tells this state from all others of that name."""
    metadata = wire.identity(body)
    key = ObjectKey(sys.intern(metadata.namespace), metadata.name)
    return key, metadata.resource_version, f"{metadata.resource_version}{_UID}{metadata.uid[:8]}"
