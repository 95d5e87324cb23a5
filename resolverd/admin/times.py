"""Moments as the API writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def iso(unix: float) -> str:
    """Unix seconds as ISO 8601, to the second."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")


def moment(reading: float | None, now: float) -> str | None:
    """A reading of the monotonic clock, which says `now`, as the time of day of it."""
    if reading is None:
        return None
    # The two clocks are not read at one instant, and a boundary at a full hour is said as that.
    return iso(round(time.time() - (now - reading), 1))
