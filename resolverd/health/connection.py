"""What is known of the connections to one target; plain values."""

from __future__ import annotations

import math
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


class ConnectionRecord:
    """The `Connection` of one target, kept probe by probe.

    A handshake that is no quicker than another of the same half of the window is only counted, and
    taken in once somebody looks: nearly each is such a one.
    """

    __slots__ = ("_at", "_before", "_known", "_last", "_least", "_number")

    def __init__(self) -> None:
        self._known = Connection()
        self._number = 0  # handshakes that are yet to be taken in, the last at `_at`
        self._last = self._at = 0.0
        self._least = math.inf
        self._before = -math.inf  # the end of that half

    @property
    def known(self) -> Connection:
        """What is known now."""
        handshakes = self._known.handshakes
        if self._number and handshakes is not None:
            number = handshakes.number + self._number
            self._known = Connection(
                self._last,
                self._known.certificate_expires,
                Handshakes(handshakes.minimum, number, self._at),
            )
            self._number = 0
        return self._known

    @property
    def certificate_expires(self) -> float | None:
        """The end of the last certificate seen."""
        return self._known.certificate_expires

    def note(self, outcome: Outcome, now: float) -> None:
        """One more probe has ended at `now` (monotonic seconds)."""
        connect = outcome.connect
        usual = connect is not None and connect >= self._least and now < self._before
        if connect and usual and outcome.certificate_expires is None:
            self._number += 1
            self._last, self._at = connect, now
            return
        self._known = self.known.after(outcome, now)
        if self._known.handshakes is not None:
            minimum = self._known.handshakes.minimum
            self._least = minimum.current
            self._before = (minimum.half + 1) * (WINDOW / 2)
