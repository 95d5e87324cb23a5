"""Which region a block of clients keeps, by its epoch: plain values, no I/O, no clock.

A block's epochs are `sticky` seconds long, and begin at the same wall-clock times on every edge:
those of a `COHORTS`-th of all blocks together, which the block's hash picks. For each service a
bounded history says what decisions have rested on (`Segment`). The region of a block is a fold
over it:

    at the block's epoch's begin       what was decided then
    where that region does not serve   what was decided at that moment, and so on
    at the last segment                what is decided now

So a block moves where its region no longer serves, and else once an epoch at most. Nothing is kept
of any block. Only a region that has served ever since, and is in the client's list now, is kept:
the fence holds as it is now. The native engine does the same
(`native/src/tables/steering/epochs.rs`).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from resolverd.policy.ranking import PreferenceList, mix_word
from resolverd.policy.share import Positions, draw_of_word

SEGMENTS = 64
"""Segments of a service at most: one bit each of a word for each region. Blocks whose epoch began
before the oldest count as begun with it."""
COHORTS = 64
"""Groups of blocks that begin their epochs together: more move fewer at a time."""

# What a block's cohort is hashed with, so that it tells nothing of its draw: the fraction of the
# square root of 2, which nothing else is hashed with.
_SEED = 0x6A09E667F3BCC908


class SegmentShare(NamedTuple):
    """What a region that serves sends on and takes, as `policy/share.py` has it."""

    spill_ratio: float = 0.0
    accept_ratio: float = 0.0
    positions: Positions | None = None
    spill_off: bool = False


_NO_SHARE = SegmentShare()


@dataclass(frozen=True, slots=True)
class Segment:
    """What a service's decisions rested on from `since` (Unix seconds) until the next segment.

    `serving` are the regions that served, `shares` those of them that sent clients on or took
    any, and those that no trickle went from or to.
    `earlier` tells that clients had their lists from the client map before the one of now.
    """

    since: float
    serving: frozenset[str]
    shares: Mapping[str, SegmentShare]
    trickle: float = 0.0
    earlier: bool = False

    def decides_as(self, other: Segment) -> bool:
        """Whether both decide alike for every block.

        Positions that are made anew leave every block on its side of the shares in use
        (`policy/weighing.py`), so they are not looked at.
        """
        return (
            self.serving == other.serving
            and self.trickle == other.trickle
            and self.earlier == other.earlier
            and _ratios(self.shares) == _ratios(other.shares)
        )


class Kept(NamedTuple):
    """A region that a block keeps, and the segment in which it was given that."""

    region: str
    segment: int


@dataclass(frozen=True, slots=True)
class Epochs:
    """A service's history as it counts at one moment, for all blocks.

    By cohort: `starts` is the segment in which its epoch began, `ends` when that epoch ends in Unix
    seconds, and `left` for how many seconds an answer may count on that. `steadfast` are the
    regions that keep all clients who have them first: they have served ever since, and sent nobody
    on.
    """

    segments: tuple[Segment, ...]
    starts: tuple[int, ...]
    ends: tuple[float, ...]
    left: tuple[float, ...]
    steadfast: frozenset[str]

    @property
    def earlier(self) -> int:
        """How many of the first segments are of the client map before the one of now."""
        return sum(segment.earlier for segment in self.segments)

    def kept(
        self, word: int, preference: PreferenceList, then: PreferenceList | None = None
    ) -> Kept | None:
        """What the block with this `draw_word` has kept; None for what is decided now.

        `preference` is the client's list now, and `then` by the earlier client map; where that is
        None, the list was the same. Regions that are not in `preference` count for nothing.
        """
        lists = preference if then is None else _among(then, preference), preference
        last = len(self.segments) - 1
        at = self.starts[cohort_of(word)]
        while at < last:
            segment = self.segments[at]
            region = decided(segment, lists[0 if segment.earlier else 1], word)
            begun, at = at, at + 1
            while region is not None and region in self.segments[at].serving:
                if at == last:
                    return Kept(region, begun)
                at += 1
        return None


def cohort_of(word: int) -> int:
    """The cohort of the block with this `draw_word`."""
    return mix_word(word ^ _SEED) * COHORTS >> 64


def decided(segment: Segment, preference: PreferenceList, word: int) -> str | None:
    """The region that `policy/decision.py` gives such a block; None where none serves."""
    serving = [region for region in preference if region in segment.serving]
    if not serving:
        return None
    home, *others = serving
    if home == preference[-1]:
        return home
    own = segment.shares.get(home, _NO_SHARE)
    position = draw_of_word(word) if own.positions is None else own.positions.of(word)
    if position < own.spill_ratio:
        return next((r for r in others if _takes(segment, r, position)), home)
    second = preference[1]
    trickles = home == preference[0] and draw_of_word(word) >= 1 - segment.trickle
    if trickles and not own.spill_off and second in segment.serving:
        given = _share(segment, second)
        return home if given.spill_ratio or given.spill_off else second
    return home


def advanced(history: tuple[Segment, ...], now: Segment, sticky: float) -> tuple[Segment, ...]:
    """The history once `now`, which begins at this moment, is how things stand.

    What no block's epoch can have begun in is forgotten, and of more than `SEGMENTS` the oldest. A
    clock that was set back cannot have them last: what lies ahead of it counts as begun now.
    """
    known = [replace(s, since=now.since) if s.since > now.since else s for s in history]
    if not known or not known[-1].decides_as(now):
        known.append(now)
    known = known[-SEGMENTS:]
    oldest = (_tick(now.since, sticky) - COHORTS + 1) * sticky / COHORTS
    first = sum(later.since <= oldest for later in known[1:])
    return tuple(known[first:])


def epochs_at(
    history: tuple[Segment, ...], at: float, sticky: float, until: float
) -> Epochs | None:
    """The epochs at the Unix time `at`, answered from until `until`; None where all decide as now.

    `sticky` is the length of an epoch in seconds.
    """
    if len(history) < 2:
        return None
    begun, tick = [segment.since for segment in history], _tick(at, sticky)
    begins = [tick - (tick - cohort) % COHORTS for cohort in range(COHORTS)]
    starts = [max(0, bisect_right(begun, n * sticky / COHORTS) - 1) for n in begins]
    if min(starts) == len(history) - 1:
        return None
    ends = tuple((n + COHORTS) * sticky / COHORTS for n in begins)
    return Epochs(
        history,
        tuple(starts),
        ends,
        tuple(max(0.0, end - until) for end in ends),
        steadfast_in(history),
    )


def steadfast_in(history: Sequence[Segment]) -> frozenset[str]:
    """The regions that keep all clients who have them first, whatever epoch these are in."""
    if any(segment.trickle for segment in history):
        return frozenset()
    always = frozenset.intersection(*(segment.serving for segment in history))
    return always - {r for s in history for r, share in s.shares.items() if share.spill_ratio}


def next_end(after: float, sticky: float) -> float:
    """The first moment after `after`, in Unix seconds, at which the epochs of a cohort end."""
    return (_tick(after, sticky) + 1) * sticky / COHORTS


def _tick(at: float, sticky: float) -> int:
    """How many cohorts have begun an epoch by then, one after another, since 1970."""
    return math.floor(at * COHORTS / sticky)


def _among(regions: PreferenceList, allowed: PreferenceList) -> PreferenceList:
    return tuple(region for region in regions if region in allowed)


def _takes(segment: Segment, region: str, position: float) -> bool:
    share = _share(segment, region)
    return not share.spill_ratio and position < share.accept_ratio


def _share(segment: Segment, region: str) -> SegmentShare:
    return segment.shares.get(region, _NO_SHARE)


def _ratios(shares: Mapping[str, SegmentShare]) -> dict[str, SegmentShare]:
    return {region: own._replace(positions=None) for region, own in shares.items()}
