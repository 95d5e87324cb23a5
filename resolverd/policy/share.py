"""What share of a region's clients is sent on, and what share others may be given: plain values.

Both are thresholds on one draw that every client's block keeps (`draw`), so that a change of a
share moves only the difference, and the blocks that a region takes are those that others sent on
first. No I/O, no clock. The native engine draws the same (`native/src/geo/ranking.rs`).
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.policy.ranking import mix_block, mix_word

# What a share's draw is begun with, so that it tells nothing of those that order regions by
# weight: the fraction of the golden ratio, which no region's name is known to hash to.
_SEED = 0x9E3779B97F4A7C15


class Share(NamedTuple):
    """One region of one service. Shares from 0 to 1.

    `spill_ratio`: blocks whose draw is below this are sent on to the next region of their list.
    `accept_ratio`: of the blocks that others send on, those whose draw is below this are taken.
    `steady`: seconds in which neither will change (infinite while nothing is amiss).
    """

    spill_ratio: float = 0.0
    accept_ratio: float = 0.0
    steady: float = float("inf")


NO_SHARE = Share()


def draw(block: Prefix) -> float:
    """A block's one draw, from 0 to below 1: the same for every region and service."""
    return (mix_word(mix_block(block) ^ _SEED) >> 11) * 2.0**-53
