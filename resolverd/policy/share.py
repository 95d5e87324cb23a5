"""What share of a region's clients is sent on, and what share others may be given: plain values.

Both are thresholds on one draw that every client's block keeps (`draw`), so that a change of a
share moves only the difference, and the blocks that a region takes are those that others sent on
first. No I/O, no clock.
"""

from __future__ import annotations

from typing import NamedTuple


class Share(NamedTuple):
    """One region of one service. Shares from 0 to 1.

    `spilled`: blocks whose draw is below this are sent on to the next region of their list.
    `takes`: of the blocks that others send on, those whose draw is below this are taken.
    `steady`: seconds in which neither will change (infinite while nothing is amiss).
    """

    spilled: float = 0.0
    takes: float = 0.0
    steady: float = float("inf")


NO_SHARE = Share()
