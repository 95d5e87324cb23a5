"""What became of the last canaries of one endpoint: do some fail while others succeed? Pure.

Of the last `_KEPT` canaries within `_LASTS` seconds: where at least `_FAILURES` failed and at least
one brought its answer, a part of what stands behind the URL serves nobody.
"""

from __future__ import annotations

import itertools
import math
from collections import deque

_KEPT = 12
_LASTS = 180.0
_FAILURES = 2
_REQUIRED_REPEATS = 3
# Beyond this share too little is left for it to be called serving.
_MAX_SERVED = 0.6


class CanaryLog:
    """When each canary was over, in seconds of the monotonic clock, and whether it was answered."""

    def __init__(self) -> None:
        self._ended: deque[tuple[float, bool]] = deque(maxlen=_KEPT)
        self._failed_at = -math.inf  # the last that did

    def add(self, at: float, *, answered: bool) -> None:
        """Note a canary that was over `at` a reading of the monotonic clock."""
        self._ended.append((at, answered))
        if not answered:
            self._failed_at = at

    def doubtful(self, now: float) -> bool:
        """Whether any failed lately, so that another should be sent before long."""
        return now - self._failed_at <= _LASTS and any(
            not answered for _, answered in self._recent(now)
        )

    def counts(self, now: float) -> tuple[int, int]:
        """How many failed, of how many."""
        recent = self._recent(now)
        return sum(not answered for _, answered in recent), len(recent)

    def failing_share(self, now: float) -> float:
        """The share that fails while others succeed; 0 where that is not seen."""
        if now - self._failed_at > _LASTS:
            return 0.0
        failed, sent = self.counts(now)
        return failed / sent if _FAILURES <= failed < sent else 0.0

    def partly_serves(self, now: float) -> bool:
        """Whether a failure of now is that of a part only.

        Failures without an end are not: of those in a row that came last there are at most
        `_IN_A_ROW`, and one alone unless others failed before.
        """
        recent = [answered for _, answered in self._recent(now)]
        row = list(itertools.takewhile(lambda answered: not answered, reversed(recent)))
        seen_before = not all(recent[: len(recent) - len(row)])
        longest_row = _REQUIRED_REPEATS if seen_before else 1
        return 0 < self.failing_share(now) <= _MAX_SERVED and len(row) <= longest_row

    def _recent(self, now: float) -> list[tuple[float, bool]]:
        return [canary for canary in self._ended if now - canary[0] <= _LASTS]
