"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def span(seconds: float) -> str:
    """``3h12m``, ``45s``: the two largest units; ``0s`` below a second."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size}{unit}")
            left %= size
        elif parts:
            break
    return "".join(parts[:2])


def since(moment: str | None, now: datetime | None = None) -> str:
    """How long ago an ISO 8601 moment was; a dash for None."""
    if moment is None:
        return "-"
    return span(((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds())
