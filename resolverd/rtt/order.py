"""The order of regions by milliseconds, and what keeps it from fluttering."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_GAIN_MS = 10.0
LEAST_GAIN = 0.1


def by_cost(
    regions: Sequence[int], cost: Sequence[float], before: Sequence[int] = ()
) -> tuple[int, ...]:
    """Region indices, the least cost (ms) first, the order of `regions` where costs are equal.

    With `before`, the order until now, nobody moves for less than 10 ms or 10 %: at each position
    stands the one that stood first of those left, unless another is better by both.
    """
    best = sorted(regions, key=cost.__getitem__)
    left = [region for region in before if region in set(regions)]
    left += [region for region in best if region not in set(left)]
    order = []
    while best:
        kept, better = left[0], best[0]
        least = max(LEAST_GAIN_MS, LEAST_GAIN * cost[kept])
        taken = better if before and cost[kept] - cost[better] >= least else kept
        taken = taken if before else better
        order.append(taken)
        best.remove(taken)
        left.remove(taken)
    return tuple(order)
