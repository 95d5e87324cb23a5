"""The fewest regions that keep a share of users within a budget.

Exact for up to 20 regions: of every set of regions it is known what share it leaves out, from sums
over subsets. Above that greedy, the region that adds most users first; a lower bound says how far
that may be from the best, or that it is the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

EXACT = 20
"""Regions up to which every set of them is looked at."""


class Fewest(NamedTuple):
    """The regions by index, none where no set is enough; what share they cover.

    `exact` says whether no fewer could do; else `least` is a number that no set can do with less
    than.
    """

    regions: tuple[int, ...]
    covered: float
    exact: bool
    least: int


def fewest(covers: Sequence[tuple[int, float]], count: int, wanted: float) -> Fewest | None:
    """The fewest of `count` regions that cover the share `wanted` of users, None if all do not.

    `covers` are groups of users as (bits of the regions that serve them within the budget, share).
    Of sets of one size the one that covers most is taken.
    """
    shares: dict[int, float] = {}
    for bits, share in covers:
        shares[bits] = shares.get(bits, 0.0) + share
    possible = sum(share for bits, share in shares.items() if bits)
    if possible < wanted - 1e-12:
        return None
    if count <= EXACT:
        return _exact(shares, count, wanted)
    return _greedy(shares, count, wanted)


def _exact(shares: dict[int, float], count: int, wanted: float) -> Fewest:
    # left_out[s]: the share of users none of whose regions lies outside s.
    left_out = [0.0] * (1 << count)
    for bits, share in shares.items():
        left_out[bits] += share
    for region in range(count):
        step = 1 << region
        for start in range(step, 1 << count, 2 * step):
            for index in range(start, start + step):
                left_out[index] += left_out[index - step]
    whole = left_out[-1]
    everything = (1 << count) - 1
    best: tuple[int, float, int] | None = None
    for outside, missed in enumerate(left_out):
        if whole - missed >= wanted - 1e-12:
            inside = everything ^ outside
            key = (inside.bit_count(), missed, inside)
            best = key if best is None or key < best else best
    assert best is not None, "all regions together are enough, as was looked at first"
    size, missed, inside = best
    regions = tuple(n for n in range(count) if inside >> n & 1)
    return Fewest(regions, whole - missed, exact=True, least=size)


def _greedy(shares: dict[int, float], count: int, wanted: float) -> Fewest:
    left = dict(shares)
    chosen: list[int] = []
    covered = 0.0
    while covered < wanted - 1e-12:
        adds = [sum(s for bits, s in left.items() if bits >> n & 1) for n in range(count)]
        best = max(range(count), key=adds.__getitem__)
        chosen.append(best)
        covered += adds[best]
        left = {bits: share for bits, share in left.items() if not bits >> best & 1}
    least = _least(shares, count, wanted)
    return Fewest(tuple(sorted(chosen)), covered, exact=len(chosen) == least, least=least)


def _least(shares: dict[int, float], count: int, wanted: float) -> int:
    """No set of fewer regions can cover `wanted`: so many would do if they covered nobody twice."""
    alone = sorted(
        (sum(s for bits, s in shares.items() if bits >> n & 1) for n in range(count)), reverse=True
    )
    covered, number = 0.0, 0
    while number < count and covered < wanted - 1e-12:
        covered += alone[number]
        number += 1
    return number
