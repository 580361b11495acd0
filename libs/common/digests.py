"""Digests over sets of works: what a beat says and what policy compares it with.

The digest does not depend on any order and can be kept up to date work by work: it is a sum, to which each desired
work adds its own hash. Tombstones and orders are not in it: after a purge or a re-publication it is what it was.
"""

import hashlib
from typing import Final

from libs.common.messages import Work
from libs.common.names import OriginKey

_BITS: Final = 128


class SetDigest:
    """A sum of entries, each under its key: setting a key again replaces what it added before."""

    def __init__(self) -> None:
        self._entries: dict[OriginKey, int] = {}
        self._sum = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: OriginKey, entry: int) -> None:
        self._sum += entry - self._entries.get(key, 0)
        self._entries[key] = entry

    def drop(self, key: OriginKey) -> None:
        self._sum -= self._entries.pop(key, 0)

    def clear(self) -> None:
        self._entries.clear()
        self._sum = 0

    def text(self) -> str:
        """32 hex digits; the same for the same set, whatever was put and dropped on the way."""
        return f"{self._sum % (1 << _BITS):032x}"


def entry(key: OriginKey, origin_uid: str, template_uid: str, digest: str) -> int:
    """What one desired work adds: who wants it, from which template, and the digest of manifest and flags."""
    text = f"{key.namespace}/{key.name}/{origin_uid}/{template_uid}/{digest}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_BITS // 8).digest())


def of_work(key: OriginKey, work: Work) -> int:
    """The entry of a work with `op: apply`."""
    return entry(key, work.origin.uid, work.template.uid, work.digest)
