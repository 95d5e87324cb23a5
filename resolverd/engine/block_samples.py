"""Samples of the blocks that a service's queries come from, to weigh the blocks by.

An engine keeps one of so many queries (`RegionStatus.sampled`) of clients whose region serves, as
that region's, whether it then sends them on or not. They are few (`load/weighing.py` sees to that),
wait in bounded memory, and are taken once. The native engine keeps the same ones
(`native/src/io/block_samples.rs`).
"""

from __future__ import annotations

from typing import NamedTuple

CAPACITY = 4096
"""Samples that wait at most, by worker; what comes beyond is dropped and counted."""

_WORD = 0xFFFF_FFFF_FFFF_FFFF


class BlockSample(NamedTuple):
    """One query of a client of `region`, for so many; `word` is its block's `draw_word`."""

    service: str
    region: str
    word: int
    queries: int


class BlockSamples(NamedTuple):
    """What was sampled since it was last taken, and how many samples found no room since."""

    samples: list[BlockSample]
    dropped: int = 0


class BlockSampler:
    """The samples of one worker of the reference engine."""

    def __init__(self) -> None:
        self._state = 0
        self._samples: list[BlockSample] = []
        self._dropped = 0

    def draws(self, queries: int) -> bool:
        """Whether one of so many queries, a power of 2, is to be kept now."""
        if queries == 1:
            return True
        # Knuth's MMIX generator, whose high bits are its good ones.
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & _WORD
        return self._state >> 40 & queries - 1 == 0

    def put(self, sample: BlockSample) -> None:
        """Keep a sample, if there is room."""
        if len(self._samples) < CAPACITY:
            self._samples.append(sample)
        else:
            self._dropped += 1

    def take(self) -> BlockSamples:
        """All that was kept since this was asked."""
        taken = BlockSamples(self._samples, self._dropped)
        self._samples, self._dropped = [], 0
        return taken
