"""Moments at which something is due, thousands of them behind one timer of the event loop.

A timer of the loop costs more to set and to cancel than most probes have to say, and nearly all
are cancelled: a deadline that is kept, a schedule that an outcome has moved. Here both cost a mark
and an entry: in the list of all that are due at one moment (probes begin on a grid), the moments on
a heap; or, for what comes so long after a start as it does for all the others (`after`), at the end
of a line. The loop's own timer is set for the earliest that still stands.

Where more is due than there is time for, what was set by `after` goes first, in half of the time:
after a failure that is the next probe, for which a verdict waits. A host that was kept from its
work for a tenth of a second has hundreds of others to begin.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Callable

# Seconds of the loop that one turn may take before it has to go on in the next.
_MAX_TURN = 0.0005
# Seconds of the coarsest clock that an event loop has, uvloop's.
TICK = 0.001
# Lines of one delay each; where delays differ more than that, they go to the heap.
_MAX_LINES = 8
# Seconds after which more is due than there is time for.
_LATE = 0.002


class Timer:
    """One moment; `callback` is None once it is cancelled, or has been called."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Have it forgotten."""
        self.callback = None


class Timers:
    """To be used inside one running event loop. `clock` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moments: list[float] = []  # a heap
        self._at: dict[float, deque[Timer]] = {}  # those of each moment
        self._lines: dict[float, deque[Timer]] = {}
        self._armed: asyncio.TimerHandle | None = None
        self._armed_for = math.inf

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once the clock reads `when`, never before."""
        timer = Timer(when, callback)
        together = self._at.get(when)
        if together is None:
            self._at[when] = deque((timer,))
            heapq.heappush(self._moments, when)
        else:
            together.append(timer)
        if when < self._armed_for:
            self._arm(when)
        return timer

    def after(self, delay: float, start: float, callback: Callable[[], None]) -> Timer:
        """The same for `start` + `delay`, where `start` is now, and `delay` that of many others."""
        line = self._lines.get(delay)
        if line is None:
            if len(self._lines) == _MAX_LINES:
                return self.at(start + delay, callback)
            line = self._lines[delay] = deque()
        timer = Timer(start + delay, callback)
        line.append(timer)
        if timer.when < self._armed_for:
            self._arm(timer.when)
        return timer

    def close(self) -> None:
        """Forget all of them."""
        self._moments.clear()
        self._at.clear()
        self._lines.clear()
        if self._armed is not None:
            self._armed.cancel()
        self._armed, self._armed_for = None, math.inf

    def _arm(self, when: float, least: float = 0.0) -> None:
        if self._armed is not None:
            self._armed.cancel()
        delay = max(least, when - self._clock())
        self._armed = asyncio.get_running_loop().call_later(delay, self._run)
        self._armed_for = when

    def _next(self) -> tuple[float, deque[Timer] | None]:
        """When the earliest is that stands, and the line or the moment's list that it leads.

        Forgets what was cancelled before it.
        """
        when, first = math.inf, None
        while self._moments:
            together = self._at[self._moments[0]]
            while together and together[0].callback is None:
                together.popleft()
            if together:
                when, first = self._moments[0], together
                break
            del self._at[heapq.heappop(self._moments)]
        for line in self._lines.values():
            while line and line[0].callback is None:
                line.popleft()
            if line and line[0].when < when:
                when, first = line[0].when, line
        return when, first

    def _first_in_line(self, now: float) -> deque[Timer] | None:
        """The line whose first is due by `now`, and the longest; None where there is none."""
        when, first = now, None
        for line in self._lines.values():
            while line and line[0].callback is None:
                line.popleft()
            if line and line[0].when <= when:
                when, first = line[0].when, line
        return first

    def _run(self) -> None:
        """Call all that are due, and set the loop's timer for the next."""
        self._armed, self._armed_for = None, -math.inf  # nothing is armed before the end of this
        now, until = self._clock(), time.monotonic() + _MAX_TURN
        when, line = self._next()
        # The loop rounds to its own ticks, and may be a little early: again and again, if let.
        least = TICK if when > now else 0.0
        try:
            if when < now - _LATE:
                self._call_lines(now, until - _MAX_TURN / 2)
                when, line = self._next()
            while line is not None and when <= now and _call_due(line, now, until):
                when, line = self._next()
        finally:
            self._armed_for = math.inf
            when, _ = self._next()
            if when < math.inf:
                self._arm(when, least)

    def _call_lines(self, now: float, until: float) -> None:
        """Call those of the lines that are due, and leave what there is no time for."""
        while (line := self._first_in_line(now)) is not None:
            if not _call_due(line, now, until):
                break


def _call_due(line: deque[Timer], now: float, until: float) -> bool:
    """Call those of `line` that are due; False where the time is up."""
    while line and line[0].when <= now:
        timer = line.popleft()
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()
            if time.monotonic() > until:
                return False
    return True
