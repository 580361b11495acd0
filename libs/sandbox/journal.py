"""The file that a cluster survives a restart by: one JSON line per committed change, compacted now and then.

A line is `{"v":version,"t":table,"k":[namespace,name],"o":object}`; a deletion has no `o`; `{"v":..,"t":..}` alone
tells at which version a table last changed, and without `t` the cluster's own version. A half-written last line, left
by a kill, is cut off: its change was never acknowledged.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

COMPACT_AT: Final = 64 << 20
"""Bytes of a journal below which it is never compacted."""


NOTHING: Final = msgspec.Raw(b"")
"""Stands for an object that is gone."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change as it stands in the file."""

    v: int
    t: str = ""
    k: tuple[str, str] | None = None
    o: msgspec.Raw = NOTHING


_decode: Final = msgspec.json.Decoder(Line).decode
_encode: Final = msgspec.json.Encoder().encode


class Journal:
    """An append-only file. Each append reaches the kernel before it returns; nothing is forced to the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.size = 0
        self._live = 0

    def replay(self) -> Iterator[Line]:
        """The lines of the file from the first; afterwards appends go behind the last whole one."""
        data = self._path.read_bytes()
        end = data.rfind(b"\n") + 1
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        self.size = end
        for raw in data[:end].splitlines():
            yield _decode(raw)

    def append(self, line: Line) -> None:
        """Writes a line."""
        self.size += os.write(self._file, _encode(line) + b"\n")

    @property
    def bloated(self) -> bool:
        """Whether most of the file is history, so that a rewrite pays."""
        return self.size > COMPACT_AT and self.size > 4 * self._live

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Puts these lines in the place of all that is there, atomically."""
        fresh = self._path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for line in lines:
                file.write(_encode(line) + b"\n")
            file.flush()
            self.size = self._live = file.tell()
        fresh.replace(self._path)
        os.close(self._file)
        self._file = os.open(self._path, os.O_RDWR)
        os.lseek(self._file, 0, os.SEEK_END)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)
