"""Orders of preference among the regions of a fence.

A preference list is a tuple of region names, best first. `nearest` orders by distance,
`failover` as listed, `weighted` and `spread` by shares of a stable hash. The native map computes
the same orders to the last bit (`native/src/geo/`), so a change here is a change there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cache

from resolverd.dns.prefix import Prefix

_WORD = 0xFFFF_FFFF_FFFF_FFFF

PreferenceList = tuple[str, ...]


def nearest(regions: Sequence[str], distances: Mapping[str, float]) -> PreferenceList:
    """By distance (any unit), the file's order where distances are equal."""
    return tuple(sorted(regions, key=distances.__getitem__))


def failover(regions: Sequence[str]) -> PreferenceList:
    """In the order in which the service lists its regions."""
    return tuple(regions)


def weighted(regions: Sequence[str], weights: Mapping[str, int], block: Prefix) -> PreferenceList:
    """By weighted rendezvous hashing of the client's block.

    Each region draws a score from (block, region) and its weight alone, so the first of
    the list falls to each region in proportion to its weight, and a change of one weight
    moves only blocks from or to that region. Regions of weight 0 come last.
    """
    mixed = mix_block(block)
    scores = {region: _score(mixed, region, weights.get(region, 1)) for region in regions}
    return tuple(sorted(regions, key=scores.__getitem__))


def spread(
    regions: Sequence[str], capacities: Mapping[str, float], block: Prefix
) -> PreferenceList:
    """By weighted rendezvous hashing of the client's block, in proportion to capacities above 0."""
    mixed = mix_block(block)
    variates = {r: _variate(mixed, r) / capacities[r] for r in regions}
    return tuple(sorted(regions, key=variates.__getitem__))


@cache
def region_seed(region: str) -> int:
    """What a region's draws begin with: 64 bits of its name's BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(region.encode(), digest_size=8).digest(), "big")


def mix_block(block: Prefix) -> int:
    """64 bits that stand for a block of either family."""
    high, low = divmod(block.address << (128 - block.bits), 1 << 64)
    return mix_word(mix_word(high ^ block.length) ^ low)


def _score(mixed: int, region: str, weight: int) -> tuple[bool, float]:
    """An exponential variate of rate `weight`: the least of several wins in proportion."""
    return weight == 0, _variate(mixed, region) / max(weight, 1)


def _variate(mixed: int, region: str) -> float:
    """An exponential variate of rate 1 that a block has for a region."""
    uniform = ((mix_word(mixed ^ region_seed(region)) >> 11) + 0.5) * 2**-53
    return -math.log(uniform)


def mix_word(bits: int) -> int:
    """The finaliser of SplitMix64: each bit of 64 in changes half of 64 out, and none is lost."""
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _WORD
    return bits ^ bits >> 31
