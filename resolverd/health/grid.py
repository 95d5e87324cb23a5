"""The moments at which probes of settled targets begin, so that each wake-up begins several; pure.

What a probe costs is to a good part that of waking up for it: one that begins alone takes twice the
CPU of one among fifty. More than that at once would make one another late, and their servers.
"""

from __future__ import annotations

import math

_TOGETHER = 50
_LEAST, _MOST = 0.01, 0.05
# How often the spacing is doubled where probes are few and their windows wide: to 0.4 s at most.
_DOUBLINGS = 3


class Grid:
    """All multiples of `spacing`, in seconds; to be shared by the watches whose probes it gathers.

    A moment that a random share of a window has fallen on is moved on to the next of them, never
    beyond the window's end: it is the windows that spread the targets. Where so few probes begin in
    a second that they would hardly meet, a window that has room for it takes each second, fourth or
    eighth of these moments alone, which those of others are among.
    """

    def __init__(self, rate: float = 0.0) -> None:
        self.spacing = self._widest = _MOST
        self.suit(rate)

    def suit(self, rate: float) -> None:
        """Be as wide as `rate` probes in a second want it."""
        wanted = _TOGETHER / rate if rate > 0 else _MOST
        self.spacing = self._widest = min(_MOST, max(_LEAST, wanted))
        for _ in range(_DOUBLINGS):
            if 2 * self._widest <= wanted:
                self._widest *= 2

    def within(self, earliest: float, latest: float, share: float) -> float:
        """One of them, after `share` (0 to 1) of the window; where none is left, the window's last.

        Where the window has none at all, its beginning.
        """
        spacing, wide = self._widest, latest - earliest
        while 2 * spacing > wide and spacing > self.spacing:
            spacing /= 2
        when = math.ceil((earliest + wide * share) / spacing) * spacing
        return when if when <= latest else max(earliest, latest // spacing * spacing)
