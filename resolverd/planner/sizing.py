"""GPUs by share of traffic: whole tensor-parallel groups, one at least where there is traffic."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heapreplace


def by_share(shares: Mapping[str, float], gpus: int, group: int = 1) -> dict[str, int]:
    """`gpus` over regions in proportion to `shares`, in whole groups of `group` GPUs.

    Each region with traffic has one group; the rest goes, group by group, to the region that would
    have the most traffic for each of its groups (Webster's method, which favours neither large
    regions nor small ones). What is left of `gpus` below a group is given to nobody. Raises
    ValueError where there are fewer groups than regions with traffic.
    """
    groups = gpus // group
    needed = [name for name, share in shares.items() if share > 0]
    if len(needed) > groups:
        raise ValueError(
            f"{gpus} GPUs are {groups} groups of {group}, too few for {len(needed)} regions"
        )
    given = {name: int(name in needed) for name in shares}
    claims = [(-shares[name] / 1.5, -shares[name], n) for n, name in enumerate(needed)]
    heapify(claims)
    for _ in range(groups - len(needed) if needed else 0):
        _, share, n = claims[0]
        given[needed[n]] += 1
        heapreplace(claims, (share / (given[needed[n]] + 0.5), share, n))
    return {name: count * group for name, count in given.items()}
