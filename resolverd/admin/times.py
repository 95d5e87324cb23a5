"""Moments as the API writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def iso(unix: float) -> str:
    """Unix seconds as ISO 8601, to the second."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")


def moment(reading: float | None, now: float) -> str | None:
    """A reading of the monotonic clock, which says `now`, as the time of day of it."""
    return None if reading is None else iso(time.time() - (now - reading))
