"""The moments at which probes of settled targets begin, so that each wake-up begins several; pure.

What a probe costs is to a good part that of waking up for it: one that begins alone takes twice the
CPU of one among fifty. More than that at once would make one another late, and their servers.
"""

from __future__ import annotations

import math

_TOGETHER = 50
_LEAST, _MOST = 0.01, 0.05


class Grid:
    """All multiples of `spacing`, in seconds; to be shared by the watches whose probes it gathers.

    A moment that a random share of a window has fallen on is moved on to the next of them, never
    beyond the window's end: it is the windows that spread the targets.
    """

    def __init__(self, rate: float = 0.0) -> None:
        self.spacing = _MOST
        self.suit(rate)

    def suit(self, rate: float) -> None:
        """Be as wide as `rate` probes in a second want it."""
        self.spacing = min(_MOST, max(_LEAST, _TOGETHER / rate)) if rate > 0 else _MOST

    def within(self, earliest: float, latest: float, share: float) -> float:
        """One of them, after `share` (0 to 1) of the window; where none is left, the window's last.

        Where the window has none at all, its beginning.
        """
        spacing = self.spacing
        when = math.ceil((earliest + (latest - earliest) * share) / spacing) * spacing
        return when if when <= latest else max(earliest, latest // spacing * spacing)
