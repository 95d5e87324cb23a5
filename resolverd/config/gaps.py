"""Times at which none of several places is open, over a year and every change of its clocks.

Between two changes a place's wall clock is UTC and a constant, so that its spans are intervals of
Unix seconds; the gap is what no place's intervals cover. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from heapq import merge

from resolverd.config.hours import Hours

DAYS_WALKED = 370
"""A year and some days: every date on which clocks change comes once at least."""

_DAY = 86_400
# Offsets are compared at these steps: clocks that change twice within one are taken for steady.
_STEP = 6 * 3600


def first_gap(places: Sequence[Hours], since: float) -> float | None:
    """The first instant, in Unix seconds, at which none of `places` is open; None without any.

    Looked for from `since` on, for `DAYS_WALKED`.
    """
    begin = int(since)
    end = begin + DAYS_WALKED * _DAY
    covered = begin
    for opens, closes in merge(*(_intervals(place, begin, end) for place in places)):
        if opens > covered:
            return float(covered)
        covered = max(covered, closes)
    return float(covered) if covered < end else None


def _intervals(place: Hours, begin: int, end: int) -> list[tuple[int, int]]:
    """When the place is open, sorted; intervals may meet or overlap."""
    found = []
    for since, until, offset in _steady(place, begin, end):
        # A span that began on the day before may still be open.
        first = (since + offset) // _DAY - 1
        for day in range(first, (until + offset) // _DAY + 1):
            midnight = day * _DAY - offset
            weekday = (day + 3) % 7  # 1 January 1970 was a Thursday
            for span in place.spans:
                if weekday in span.days:
                    opens = midnight + 60 * span.begin
                    closes = midnight + 60 * span.end + (_DAY if span.end <= span.begin else 0)
                    if opens < until and closes > since:
                        found.append((max(opens, since), min(closes, until)))
    return sorted(found)


def _steady(place: Hours, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The times between two changes of the place's clock, each with its offset in seconds."""
    since, offset = begin, _offset(place, begin)
    for low in range(begin, end, _STEP):
        high = min(low + _STEP, end)
        later = _offset(place, high)
        if later != offset:
            change = _change(place, low, high, offset)
            yield since, change, offset
            since, offset = change, later
    yield since, end, offset


def _change(place: Hours, low: int, high: int, before: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(place, middle) == before else (low, middle)
    return high


def _offset(place: Hours, at: int) -> int:
    shown = datetime.fromtimestamp(at, UTC).astimezone(place.zone).utcoffset()
    return 0 if shown is None else int(shown.total_seconds())
