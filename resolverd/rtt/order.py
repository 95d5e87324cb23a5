"""The order of regions by milliseconds, and what keeps it from fluttering.

The native map computes the same orders (`native/src/geo/latency_order.rs`).
"""

from __future__ import annotations

from collections.abc import Sequence

from resolverd.abi.limits import FRONT, LEAST_GAIN, LEAST_GAIN_MS


def by_cost(
    regions: Sequence[int], cost: Sequence[float], before: Sequence[int] = ()
) -> tuple[int, ...]:
    """Region indices, the least cost (ms) first, the order of `regions` where costs are equal.

    With `before`, the order until now, nobody moves for less than 10 ms or 10 %: at each position
    stands the one that stood first of those left, unless another is better by both.
    """
    best = sorted(regions, key=cost.__getitem__)
    if not before:
        return tuple(best)
    allowed = set(regions)
    left = [region for region in before if region in allowed]
    kept_before = set(left)
    left += [region for region in best if region not in kept_before]
    order = []
    while best:
        kept, better = left[0], best[0]
        least = max(LEAST_GAIN_MS, LEAST_GAIN * cost[kept])
        taken = better if cost[kept] - cost[better] >= least else kept
        order.append(taken)
        best.remove(taken)
        left.remove(taken)
    return tuple(order)


def by_cost_of_prefix(
    order: Sequence[int], cost: Sequence[float], before: Sequence[int] = ()
) -> tuple[int, ...]:
    """The `order` of a place, its front re-ordered by the `cost` (ms) of one measured prefix.

    The region that stood first before is in the front in any case, so that nobody leaves it for
    less than 10 ms or 10 % of what was measured of the prefix.
    """
    front = list(order[:FRONT])
    first = next((region for region in before if region in order), None)
    if first is not None and first not in front:
        front[-1] = first
    earlier = [region for region in before if region in front]
    return (
        *by_cost(sorted(front), cost, earlier),
        *(region for region in order if region not in front),
    )
