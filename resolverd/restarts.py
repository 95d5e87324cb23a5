"""How often a task has failed, when it is begun again, and whether it keeps failing: pure.

Clock readings are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Seconds before a task that failed is begun again: doubled with each failure in a row.
MIN_PAUSE, MAX_PAUSE = 0.5, 30.0
# A task that has run for so many seconds is well again.
STEADY = 60.0
# So many failures in a row are no accident.
MANY = 3


@dataclass(frozen=True, slots=True)
class Restarts:
    """The failures of one task: in all, in a row, the last one's time and reason."""

    total: int = 0
    in_row: int = 0
    failed_at: float = 0.0
    reason: str = ""

    def failed(self, began: float, now: float, reason: str) -> Restarts:
        """After a failure at `now` of what was begun at `began`."""
        in_row = 1 if now - began >= STEADY else self.in_row + 1
        return replace(self, total=self.total + 1, in_row=in_row, failed_at=now, reason=reason)

    @property
    def pause(self) -> float:
        """Seconds from the last failure until it is begun again."""
        doublings = min(max(self.in_row - 1, 0), 16)
        return min(MAX_PAUSE, MIN_PAUSE * float(2**doublings))

    def keeps_failing(self, now: float) -> bool:
        """Whether it has failed `MANY` times in a row, and has not run well since."""
        return self.in_row >= MANY and now - self.failed_at < self.pause + STEADY

    def recovered(self) -> Restarts:
        """After it has run for `STEADY` seconds."""
        return replace(self, in_row=0, reason="")

    def is_news(self, before: Restarts) -> bool:
        """Whether this failure is worth an event: the first, another reason, or a power of two."""
        first = self.in_row == 1 or self.reason != before.reason
        return first or self.in_row & (self.in_row - 1) == 0
