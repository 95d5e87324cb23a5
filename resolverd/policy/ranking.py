"""Orders of preference among the regions of a fence.

A preference list is a tuple of region names, best first. `nearest` orders by distance,
`failover` as listed, `weighted` by shares of a stable hash.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

Preference = tuple[str, ...]


def nearest(regions: Sequence[str], distances: Mapping[str, float]) -> Preference:
    """By distance (any unit), the file's order where distances are equal."""
    return tuple(sorted(regions, key=distances.__getitem__))


def failover(regions: Sequence[str]) -> Preference:
    """As listed."""
    return tuple(regions)


def weighted(regions: Sequence[str], weights: Mapping[str, int], block: bytes) -> Preference:
    """By weighted rendezvous hashing of the client's block.

    Each region draws a score from (block, region) and its weight alone, so the first of
    the list falls to each region in proportion to its weight, and a change of one weight
    moves only blocks from or to that region. Regions of weight 0 come last.
    """
    scores = {region: _score(block, region, weights.get(region, 1)) for region in regions}
    return tuple(sorted(regions, key=scores.__getitem__))


def _score(block: bytes, region: str, weight: int) -> tuple[bool, float]:
    """An exponential variate of rate `weight`: the least of several wins in proportion."""
    digest = hashlib.blake2b(block, digest_size=8, key=region.encode()[:64]).digest()
    uniform = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return weight == 0, -math.log(uniform) / max(weight, 1)
