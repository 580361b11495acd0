"""When a write is due: the first and the last of a wave at once, those between at most once a second per object.

All times are seconds of one monotonic clock. A write that is held back is held back for a bounded time, and what is
written then is the latest state.
"""

from typing import Final

import msgspec

from libs.common.messages import Order

INTERVAL: Final = 1.0
"""Seconds between two writes of one object within a wave."""
BURST_INTERVAL: Final = 5.0
"""The same when many objects change at once: what lies between the first and the last status is worth little then."""
PATIENCE: Final = 0.2
"""Seconds that a write waits for members that have not yet spoken of the present work, so that one write says all."""
BURST_PATIENCE: Final = 3.0
"""The same when many objects change at once: members are busy, and half a status costs the hub another write soon."""
BURST: Final = 20
"""For each so many objects whose write is held back, interval and patience are once more what they are for one."""
LOSS_PATIENCE: Final = 5.0
"""The same where the bus has lost what members said before: each of them will say it again."""


MANY: Final = 50
"""Above so many members a look at all of them is worth saving, and"""
REST: Final = 0.0001
"""so many seconds per member lie between two looks: one costs a sixtieth of that, and a wave brings one per member."""


def rest(members: int) -> float:
    """Seconds between two looks at an object of so many members."""
    return members * REST if members > MANY else 0.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What was written of one object, and since when something waits."""

    written: float | None = None
    """When it was last written."""
    settled: float | None = None
    """When it was last written in a settled state."""
    unwritten: float | None = None
    """Since when there is something to write."""
    waiting: float | None = None
    """Since when something is missing that is on its way: a member's word, or policy's."""
    waiting_for: Order = Order()
    """The outcome that is complete when it has come."""


def patience(held: int) -> float:
    """How long a write waits, in seconds, while so many writes are held back."""
    return min(PATIENCE * (1 + held / BURST), BURST_PATIENCE)


def interval(held: int) -> float:
    """Seconds between two writes of one object while so many writes are held back."""
    return min(INTERVAL * (1 + held / BURST), BURST_INTERVAL)


def notice(pace: Pace, *, waiting: bool, outcome: Order, now: float) -> Pace:
    """Notes that there is something to write, and whether something that belongs to it is still on its way.

    A newer outcome begins the waiting anew; `due` bounds it all the same.
    """
    since = pace.waiting if pace.waiting is not None and pace.waiting_for == outcome else now
    return Pace(
        written=pace.written,
        settled=pace.settled,
        unwritten=now if pace.unwritten is None else pace.unwritten,
        waiting=since if waiting else None,
        waiting_for=outcome,
    )


def due(pace: Pace, *, settled: bool, patience: float, interval: float = INTERVAL) -> float:
    """The earliest time at which the object may be written; in the past if at once.

    A settled state is the last of its wave until something new begins: only an earlier settled write holds it back.
    What is on its way is waited for, but no longer than `patience` seconds after the last outcome, and no longer than
    an interval (or `patience`, if that is more) in all.
    """
    last, pause = (pace.settled, INTERVAL) if settled else (pace.written, interval)
    earliest = last + pause if last is not None else 0.0
    if pace.waiting is None or pace.unwritten is None:
        return earliest
    return max(earliest, min(pace.waiting + patience, pace.unwritten + max(INTERVAL, patience)))


def wrote(pace: Pace, *, settled: bool, now: float) -> Pace:
    return msgspec.structs.replace(pace, written=now, settled=now if settled else pace.settled, unwritten=None)


def clean(pace: Pace) -> Pace:
    """Notes that there is nothing to write."""
    return msgspec.structs.replace(pace, unwritten=None, waiting=None) if pace.unwritten is not None else pace
