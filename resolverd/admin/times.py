"""Moments as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(unix: float) -> str:
    """Unix seconds as ISO 8601, to the second."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")
