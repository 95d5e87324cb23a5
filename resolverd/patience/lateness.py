"""How late this host has been in all: seconds in which something was due and was not seen to; pure.

Whatever waits for a deadline tells when it was looked at. Together they see what each alone does
not: a loop that comes to everything a little late, turn after turn, and so keeps a probe of many
steps waiting for far longer than one look at it is late.
"""

from __future__ import annotations

import math

LATE = 0.02
"""Seconds that a host in good order may be late."""


class Lateness:
    """`total` in seconds, counted once however much was due at the time."""

    def __init__(self) -> None:
        self.total = 0.0
        self._seen = -math.inf

    def note(self, due: float, now: float) -> None:
        """What was `due` is looked at `now`; times in order, by one clock."""
        if now - due > LATE:
            self.total += max(0.0, now - max(due, self._seen))
        self._seen = max(self._seen, now)
