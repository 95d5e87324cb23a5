"""A budget of tokens per hour, kept by the clock; pure.

It is a bucket that holds a tenth of the hour's tokens and is refilled with the other nine over an
hour. So in no hour, wherever it begins, is more spent than the budget, and a burst may spend a
tenth of it at once.
"""

from __future__ import annotations

from resolverd.health.canary_cost import AT_ONCE

_HOUR = 3600.0


class TokenBudget:
    """At most `per_hour` tokens in any hour; full at first."""

    def __init__(self, per_hour: float, now: float) -> None:
        self._most = per_hour / AT_ONCE
        self._per_second = (per_hour - self._most) / _HOUR
        self._left, self._at = self._most, now

    def spend(self, tokens: float, now: float) -> bool:
        """Take so many tokens at this clock reading, or none where so many are not left."""
        elapsed = max(0.0, now - self._at)
        self._left = min(self._most, self._left + elapsed * self._per_second)
        self._at = max(self._at, now)
        if tokens > self._left:
            return False
        self._left -= tokens
        return True
