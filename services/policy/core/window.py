"""Who may ask the scheduler now, and who waits in line: a bounded window of slots, and turns for those who waited.

A turn is a slot that is kept free for somebody who waited. It is good for one look: who asks nothing gives it back.
"""

import heapq
from collections.abc import Callable

from libs.common.names import OriginKey


class Window:
    """Slots for questions.

    Args:
        size: how many slots there are. Only half of them are for what is not in a hurry.
        wake: told of each binding whose turn it is, with its priority.
    """

    def __init__(self, size: int, wake: Callable[[OriginKey, int], None]) -> None:
        self._size = size
        self._wake = wake
        self._taken: set[OriginKey] = set()
        self._turns: set[OriginKey] = set()
        self._waiting: dict[OriginKey, tuple[int, int]] = {}
        self._line: list[tuple[int, int, OriginKey]] = []
        self._age = 0

    @property
    def taken(self) -> int:
        return len(self._taken)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, key: OriginKey, priority: int, *, hurry: bool) -> bool:
        """Takes a slot, or a place in the line. Returns whether it has a slot now.

        Args:
            priority: a higher one goes first in the line.
            hurry: goes first among its priority, and may have any slot.
        """
        if key not in self._taken and key not in self._turns and not self._room(hurry=hurry):
            self._queue(key, 2 * priority + hurry)
            return False
        self._waiting.pop(key, None)
        self._turns.discard(key)
        self._taken.add(key)
        return True

    def leave(self, key: OriginKey) -> None:
        """Gives back whatever a binding has: its slot, its turn, its place in the line."""
        self._waiting.pop(key, None)
        self._turns.discard(key)
        self._taken.discard(key)
        self._advance()

    def _room(self, *, hurry: bool) -> bool:
        return len(self._taken) + len(self._turns) < (self._size if hurry else max(1, self._size // 2))

    def _queue(self, key: OriginKey, rank: int) -> None:
        before = self._waiting.get(key)
        if before is not None and -before[0] == rank:
            return
        self._age += 1
        self._waiting[key] = (-rank, before[1] if before is not None else self._age)
        heapq.heappush(self._line, (*self._waiting[key], key))

    def _advance(self) -> None:
        """Gives turns to those who waited longest, as far as there is room."""
        while self._line:
            rank, age, first = self._line[0]
            valid = self._waiting.get(first) == (rank, age)
            if valid and not self._room(hurry=-rank % 2 == 1):
                return
            heapq.heappop(self._line)
            if valid:
                del self._waiting[first]
                self._turns.add(first)
                self._wake(first, -rank)
