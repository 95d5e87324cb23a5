"""Hours of service: spans of the week by a place's own wall clock, and when they begin and end.

A span is written ``mon-fri 06:00-22:00``: days (``mon``, ``mon-fri``, ``mon,wed``; none means every
day) and two times of day. One that ends at or before its begin runs over midnight, and belongs to
the day on which it begins; ``00:00-24:00`` is a whole day.

The wall clock is taken at its word: where it skips an hour in spring, a span loses what it had in
that hour, and an hour repeated in autumn counts both times. Instants are Unix seconds. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"(?:([a-z,-]+)\s+)?(\d\d):(\d\d)-(\d\d):(\d\d)")
# Weekly spans that fall into a skipped hour may be missed once: two weeks have the next one.
_DAYS_AROUND = 15
# Offsets are compared at these steps, so that two changes within one are taken for none.
_STEP = 6 * 3600


class Span(NamedTuple):
    """Minutes of the day from `begin` up to `end`, on `days` (0 is Monday)."""

    days: frozenset[int]
    begin: int
    end: int

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether the wall clock's `minute` of that day lies in it."""
        if self.begin < self.end:
            return weekday in self.days and self.begin <= minute < self.end
        yesterday = (weekday - 1) % 7
        return (weekday in self.days and minute >= self.begin) or (
            yesterday in self.days and minute < self.end
        )


class OpenPeriod(NamedTuple):
    """Open or closed from `since` up to `until`; None where that is further than two weeks away."""

    open: bool
    since: float | None
    until: float | None


def parse_span(text: str) -> Span:
    """``"mon-fri 06:00-22:00"`` as a span. Raises ValueError with what was expected."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f'"{text}" is not hours; write "mon-fri 06:00-22:00" or "06:00-22:00"')
    begin, end = _minute(text, match[2], match[3]), _minute(text, match[4], match[5])
    if begin in (_DAY_MINUTES, end):
        raise ValueError(f'"{text}" has no time in it; write "00:00-24:00" for whole days')
    return Span(_days(text, match[1]), begin, end)


def _minute(text: str, hours: str, minutes: str) -> int:
    minute = 60 * int(hours) + int(minutes)
    if int(minutes) > 59 or minute > _DAY_MINUTES:
        raise ValueError(f'"{text}": {hours}:{minutes} is no time of day')
    return minute


def _days(text: str, named: str | None) -> frozenset[int]:
    if named is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in named.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(
                f'"{text}": "{part}" is no day; write "mon-fri 06:00-22:00", of {" ".join(DAYS)}'
            )
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if dash else 0
        days |= {(begin + more) % 7 for more in range(length + 1)}
    return frozenset(days)


@dataclass(frozen=True, slots=True)
class Hours:
    """The spans of one place, in its own time zone."""

    spans: Sequence[Span]
    zone: ZoneInfo
    text: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.zone.key}".lstrip()

    def open(self, at: float) -> bool:
        """Whether the instant `at` lies in a span."""
        local = datetime.fromtimestamp(at, self.zone)
        minute = 60 * local.hour + local.minute
        return any(span.covers(local.weekday(), minute) for span in self.spans)

    def window(self, at: float) -> OpenPeriod:
        """Whether it is open at `at`, since when, and until when."""
        is_open = self.open(at)
        moments = sorted(set(self._moments(at)))
        earlier = [moment for moment in reversed(moments) if moment <= at]
        same = list(takewhile(lambda moment: self.open(moment) is is_open, earlier))
        later = (m for m in moments if m > at and self.open(m) is not is_open)
        since = same[-1] if same and len(same) < len(earlier) else None
        return OpenPeriod(is_open, since, next(later, None))

    def _moments(self, at: float) -> Iterator[float]:
        """Every instant around `at` at which it might open or close."""
        today = datetime.fromtimestamp(at, self.zone).date()
        minutes = {m % _DAY_MINUTES for span in self.spans for m in (span.begin, span.end)}
        for days in range(-_DAYS_AROUND, _DAYS_AROUND + 1):
            for minute in minutes:
                yield from self._instants(today + timedelta(days), minute)
        yield from self._changes(at)

    def _instants(self, day: date, minute: int) -> Iterator[float]:
        """When the wall clock shows this minute: once, or twice where it is set back."""
        shown = datetime.combine(day, time(minute // 60, minute % 60), self.zone)
        for fold in (0, 1):
            yield shown.replace(fold=fold).timestamp()

    def _changes(self, at: float) -> Iterator[float]:
        """When the wall clock is set forward or back."""
        around = _DAYS_AROUND * 86400
        begin = int(at) - around
        for low in range(begin, begin + 2 * around, _STEP):
            if self._offset(low) != self._offset(low + _STEP):
                yield self._change(low, low + _STEP)

    def _change(self, low: int, high: int) -> float:
        before = self._offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == before else (low, middle)
        return float(high)

    def _offset(self, at: float) -> timedelta | None:
        return datetime.fromtimestamp(at, self.zone).utcoffset()
