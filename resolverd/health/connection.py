"""What is known of the connections to one target; plain values."""

from __future__ import annotations

from typing import NamedTuple

from resolverd.health.minimum import WindowMinimum, first_of
from resolverd.health.outcome import Outcome

WINDOW = 600.0
"""Seconds over which the least time of a handshake is taken: longer bears a longer congestion,
shorter sees a longer route sooner."""


class Handshakes(NamedTuple):
    """TCP handshakes that succeeded: the least time of the last ones, in seconds, and how many.

    `at` is when the last one was, in monotonic seconds.
    """

    minimum: WindowMinimum
    number: int
    at: float


class Connection(NamedTuple):
    """The time of the last TCP handshake in seconds, and the end of the last certificate seen.

    That end is in Unix seconds. It is kept while handshakes fail, for an expired certificate is
    shown in none that succeeds. None where there was none yet.
    """

    connect: float | None = None
    certificate_expires: float | None = None
    handshakes: Handshakes | None = None

    def after(self, outcome: Outcome, now: float) -> Connection:
        """What is known after one more probe, which ended at `now` (monotonic seconds)."""
        return Connection(
            outcome.connect or self.connect,
            outcome.certificate_expires or self.certificate_expires,
            self._handshakes(outcome.connect, now),
        )

    def _handshakes(self, connect: float | None, now: float) -> Handshakes | None:
        known = self.handshakes
        if not connect:
            return known
        if known is None:
            return Handshakes(first_of(connect, now, WINDOW), 1, now)
        return Handshakes(known.minimum.after(connect, now, WINDOW), known.number + 1, now)

    def days_left(self, wall: float) -> float | None:
        """Days until the certificate ends, negative once it has; `wall` is in Unix seconds."""
        return (
            None if self.certificate_expires is None else (self.certificate_expires - wall) / 86400
        )
