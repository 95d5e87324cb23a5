"""What share of a region's clients is sent on, and what share others may be given: plain values.

Both are thresholds on one draw that every client's block keeps (`draw`), so that a change of a
share moves only the difference, and the blocks that a region takes are those that others sent on
first. Where blocks are weighed by their queries (`policy/weighing.py`), `Positions` stand for the
draws of a region's own clients. No I/O, no clock. The native engine draws the same
(`native/src/geo/draws.rs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.policy.ranking import mix_block, mix_word

# What a share's draw is begun with, so that it tells nothing of those that order regions by
# weight: the fraction of the golden ratio, which no region's name is known to hash to.
_SEED = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Where the blocks of one region's clients stand in the order in which they are sent on.

    A position is from 0 to below 1, and takes the place of the draw; those below a share carry that
    share of the region's load. `bins` are those of the light blocks, by ranges of equal length of
    their draws; `heavy` those of blocks with a position of their own, by `draw_word`. `weights` are
    the shares of the load that these have, for people. One that is made anew is another, even if it
    is equal: Steerings compare it by identity.
    """

    bins: tuple[float, ...]
    heavy: Mapping[int, float] = field(default_factory=dict)
    weights: Mapping[int, float] = field(default_factory=dict)

    def of(self, word: int) -> float:
        """The position of the block with this `draw_word`."""
        own = self.heavy.get(word)
        return self.bins[bin_of(word, len(self.bins))] if own is None else own


class Share(NamedTuple):
    """One region of one service. Shares from 0 to 1.

    `spill_ratio`: blocks whose draw is below this are sent on to the next region of their list.
    `accept_ratio`: of the blocks that others send on, those whose draw is below this are taken.
    `steady`: seconds in which neither will change (infinite while nothing is amiss).
    `positions`: where blocks are weighed, what stands for the draws of this region's clients.
    `sampled`: one of so many of its clients' queries is kept to weigh their blocks, a power of 2 up
    to `MAX_SAMPLED`; 0 keeps none.
    `spill_off`: an operator has it out of spilling, so that it gives and is given no trickle.
    """

    spill_ratio: float = 0.0
    accept_ratio: float = 0.0
    steady: float = float("inf")
    positions: Positions | None = None
    sampled: int = 0
    spill_off: bool = False


NO_SHARE = Share()


MAX_SAMPLED = 1 << 20
"""The most queries of which one is kept."""


def draw(block: Prefix) -> float:
    """A block's one draw, from 0 to below 1: the same for every region and service."""
    return draw_of_word(draw_word(block))


def draw_word(block: Prefix) -> int:
    """The 64 bits of which a block's draw is made; no two IPv4 blocks of a length share them."""
    return mix_word(mix_block(block) ^ _SEED)


def draw_of_word(word: int) -> float:
    """The draw that is made of a `draw_word`."""
    return (word >> 11) * 2.0**-53


def bin_of(word: int, bins: int) -> int:
    """In which of so many ranges of equal length a draw lies."""
    return (word >> 32) * bins >> 32
