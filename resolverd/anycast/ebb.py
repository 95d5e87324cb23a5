"""When queries have ebbed after a withdrawal: the rate between two readings of a counter.

Pure. Our own looks are queries as well, and are taken off.
"""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """Queries that the daemon has received, those of them that were ours, and the clock."""

    queries: int
    own: int
    at: float


def rate(before: Reading, now: Reading) -> float | None:
    """Others' queries per second between two readings.

    None where that cannot be said: no time between them, or another daemon counts.
    """
    seconds = now.at - before.at
    counted = now.queries - before.queries
    if seconds <= 0 or counted < 0:
        return None
    return max(0, counted - (now.own - before.own)) / seconds
