"""Failure accrual: failures that are not in a row add up in a bucket that successes drain; pure.

    a failure      adds 1
    a success      takes ratio / (1 - ratio)
    full           at 2 × fall

So a share of failures above `ratio` fills it sooner or later, whatever their order, and a share
below it does not; it counts probes and not seconds, so that no change of the schedule matters.
"""

from __future__ import annotations

import math


def after_success(level: float, ratio: float) -> float:
    """The level after one more success; a `ratio` of 1 empties the bucket."""
    return 0.0 if ratio >= 1 else max(0.0, level - ratio / (1 - ratio))


def failures_left(level: float, in_a_row: int, fall: int) -> int:
    """How many more failures take the endpoint down: the `fall`-th in a row, or a full bucket.

    Zero or less where they have come already.
    """
    return min(fall - in_a_row, math.ceil(2 * fall - level))
