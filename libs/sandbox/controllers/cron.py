"""Cron schedules: when they are due (github.com/robfig/cron, which CronJobs use)."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec

_MONTHS: Final = {
    name: n
    for n, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], start=1
    )
}
_DAYS: Final = {name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])}
_FIELDS: Final[tuple[tuple[int, int, dict[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_NAMED: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_HORIZON: Final = 5 * 366
"""Days that are searched for a time that is due: the 29th of February is found, the 31st never is."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed schedule. If both days of month and of week are restricted, either will do."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def after(self, moment: datetime) -> datetime | None:
        """The first time that is due after a moment, in the moment's time zone; None if there never is one."""
        return next((each for each in self._times(moment, 1) if each > moment), None)

    def until(self, moment: datetime) -> datetime | None:
        """The last time that was due at or before a moment."""
        return next((each for each in self._times(moment, -1) if each <= moment), None)

    def _times(self, moment: datetime, direction: int) -> Iterator[datetime]:
        """Times that are due from the moment's day on, forwards or backwards."""
        clock = [time(hour, minute) for hour in self.hours for minute in self.minutes][::direction]
        day = moment.date()
        for _ in range(_HORIZON):
            if self._takes(day):
                yield from (datetime.combine(day, each, tzinfo=moment.tzinfo) for each in clock)
            day += timedelta(days=direction)

    def _takes(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week


def parse(text: str) -> Schedule:
    """A schedule of five fields, or one of the names such as `@hourly`.

    Raises:
        ValueError: the text is no schedule.
    """
    fields = _NAMED.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{text!r} is no schedule; expected five fields (minute hour day month weekday) or @hourly etc."
        )
    minutes, hours, days, months, weekdays = (
        _field(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)
    )
    return Schedule(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        either_day=fields[2][0] not in "*?" and fields[4][0] not in "*?",
    )


def _field(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            bounds = (low, high)
        else:
            begin = _number(first, names, text)
            bounds = (begin, _number(last, names, text) if dash else high if slash else begin)
        # Sunday is 7 as well as 0.
        ceiling = 7 if names is _DAYS else high
        if not low <= bounds[0] <= bounds[1] <= ceiling or (slash and not (step.isdigit() and int(step))):
            raise ValueError(f"{text!r} in a schedule is out of range; expected {low} to {high}")
        found.update(each % 7 if names is _DAYS else each for each in range(bounds[0], bounds[1] + 1, int(step or 1)))
    return found


def _number(text: str, names: dict[str, int], field: str) -> int:
    if text.upper() in names:
        return names[text.upper()]
    if not text.isdigit():
        raise ValueError(f"{field!r} in a schedule is no number and no name")
    return int(text)
