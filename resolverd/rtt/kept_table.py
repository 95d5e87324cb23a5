"""The table of measured times that an edge keeps for itself, and when it is worth another; pure.

    where,region,ms,count,measured
    50.1 8.7,eu-west,0.8,120,2026-11-29T06:00:00Z
    198.51.100.0/24,us-east,92,10,2026-11-29T05:50:00Z

`measured` is a time and no age, since the file lies. Each table that is adopted costs the compiling
of a map, so one is written only where it says something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

KEPT_NAME = "rtt.csv"
"""The table's name in `server.state`."""

HEADER = "where,region,ms,count,measured"

LEAST_MS, LEAST_RATIO = 2.0, 0.1
"""By how much a time has to differ to be another one: by both, so that neither jitter on a short
way nor on a long one counts."""

LEAST_ROWS = 0.01
"""The share of rows that have to differ for a table to be another one: clients come and go."""


class KeptRow(NamedTuple):
    """What one row says: milliseconds, by how many samples, and when, in Unix seconds."""

    ms: float
    samples: int
    measured: float


Rows = Mapping[str, KeptRow]
"""The rows of one region by what they hold for: a network, or a landmark."""


def lines_of(region: str, rows: Rows) -> Iterable[str]:
    """The lines of a table that these rows of a region make."""
    for where, row in rows.items():
        yield f"{where},{region},{row.ms:.7g},{row.samples},{_moment(int(row.measured))}"


def rows_of(lines: Iterable[str], now: float) -> dict[str, dict[str, KeptRow]]:
    """The rows by region of a table that `lines_of` made; what is not one is passed over.

    Times after `now` (Unix seconds) are those of a clock that was wrong, and count as now.
    """
    known: dict[str, dict[str, KeptRow]] = {}
    for line in lines:
        try:
            where, region, ms, count, moment = line.rstrip("\n").split(",")
            row = KeptRow(float(ms), int(count), min(_seconds(moment), now))
        except ValueError:
            continue
        known.setdefault(region, {})[where] = row
    return known


def has_changed(before: Rows, after: Rows) -> bool:
    """Whether so many rows differ that the table is worth another map."""
    differing = sum(where not in after for where in before)
    for where, row in after.items():
        known = before.get(where)
        differing += known is None or differs(known.ms, row.ms)
    return differing > LEAST_ROWS * max(len(before), len(after))


def differs(before: float, after: float) -> bool:
    """Whether a time is another one, by `LEAST_MS` and by `LEAST_RATIO`."""
    return abs(after - before) >= max(LEAST_MS, LEAST_RATIO * min(before, after))


def joined(one: KeptRow, other: KeptRow) -> KeptRow:
    """What two front doors of one region say of the same network: their mean by clients."""
    samples = one.samples + other.samples
    ms = (one.ms * one.samples + other.ms * other.samples) / samples
    return KeptRow(ms, samples, max(one.measured, other.measured))


# Rows of one page have few ages, so few times.
@lru_cache(maxsize=4096)
def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)
def _seconds(moment: str) -> float:
    """Raises ValueError where `_moment` does not write so."""
    return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
