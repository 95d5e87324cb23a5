"""Lines that wait to be written: bounded by number and by octets, and what was dropped counted.

Whoever has an event to log never waits: a line that finds no room is dropped. Samples of the
query log may fill half of the queue, so that they displace no other event.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import NamedTuple

# Bounds of the memory that a reader who stands still costs; smaller ones drop events sooner.
MAX_EVENTS = 10_000
MAX_OCTETS = 8 << 20
FULL = "the queue is full"


class DroppedEvents(NamedTuple):
    """Events dropped since that was last reported: how many, since when (Unix seconds), why."""

    events: int
    since: float
    reason: str


class EventQueue:
    """First in, first out. Any thread may use it, and so may what interrupts one (finalizers)."""

    def __init__(self, max_events: int = MAX_EVENTS, max_octets: int = MAX_OCTETS) -> None:
        self.dropped_total = 0
        self._max_events, self._max_octets = max_events, max_octets
        self._lines: deque[bytes] = deque()
        self._octets = 0
        self._writing = False
        self._unreported: DroppedEvents | None = None
        self._change = threading.Condition(threading.RLock())

    def put(self, line: bytes, *, sampled: bool = False) -> None:
        """Queue a whole line, or drop it; returns at once. `sampled` is of the query log."""
        part = 2 if sampled else 1
        with self._change:
            full = (
                len(self._lines) >= self._max_events // part
                or self._octets + len(line) > self._max_octets // part
            )
            if full:
                self.drop(1, FULL)
                return
            self._lines.append(line)
            self._octets += len(line)
            self._change.notify_all()

    def drop(self, events: int, reason: str) -> None:
        """Count events that could not be queued or written."""
        with self._change:
            self.dropped_total += events
            known = self._unreported
            since = known.since if known else time.time()
            self._unreported = DroppedEvents((known.events if known else 0) + events, since, reason)
            self._change.notify_all()

    def take(self, within: float | None = None) -> bytes | None:
        """The next line, waited for `within` seconds; None where there is none by then.

        Without `within` it returns None too once something was dropped. Until the next call the
        line counts as being written.
        """
        with self._change:
            self._writing = False
            self._change.notify_all()
            self._change.wait_for(
                lambda: self._lines or (within is None and self._unreported), within
            )
            if not self._lines:
                return None
            self._writing = True
            line = self._lines.popleft()
            self._octets -= len(line)
            return line

    def unreported(self) -> DroppedEvents | None:
        """What was dropped since `reported`; None where nothing was."""
        with self._change:
            return self._unreported

    def reported(self, dropped: DroppedEvents) -> None:
        """Note that `dropped` was reported; what was dropped since then is not."""
        with self._change:
            left = (self._unreported.events if self._unreported else 0) - dropped.events
            self._unreported = (
                DroppedEvents(left, time.time(), self._unreported.reason)
                if left > 0 and self._unreported
                else None
            )

    def drain(self, within: float) -> bool:
        """Wait `within` seconds for all to be written, and reported; whether it is."""
        with self._change:
            return self._change.wait_for(
                lambda: not self._lines and not self._writing, max(0.0, within)
            )
