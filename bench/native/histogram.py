"""Latencies of many short turns, as one: counts by nanoseconds, quantiles and how sure they are.

Pure. A `Histogram` counts answers by latency, as the load generator reports it; those of all turns
of a server are added up before a quantile is read, so that a turn counts for what it answered.
"""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

Histogram = Counter[int]
"""Answers by latency in nanoseconds, the middle of its bucket."""

LOST_NS = 250_000_000
"""What a query without an answer counts as: for as long the generator waits for one."""
_RESAMPLES = 400
_TAIL = 0.05


def read(report: Sequence[Sequence[int]], lost: int = 0) -> Histogram:
    """`latency_ns` of a report; the queries that were lost are the latest of all.

    Left out, they would make a server the faster the more it loses: what a full receive buffer
    drops waits for nobody, and what it holds waits no longer than the buffer lasts.
    """
    found = Counter({int(latency): int(count) for latency, count in report})
    if lost:
        found[LOST_NS] += lost
    return found


def pooled(histograms: Iterable[Histogram]) -> Histogram:
    """All of them as one."""
    total: Histogram = Counter()
    for histogram in histograms:
        total.update(histogram)
    return total


def quantile_us(histogram: Histogram, share: float) -> float:
    """The microseconds that this share of answers took at most; 0 where there is none."""
    wanted, seen = share * histogram.total(), 0
    for latency in sorted(histogram):
        seen += histogram[latency]
        if seen >= wanted:
            return latency / 1e3
    return 0.0


def middle_us(turns: Sequence[Histogram], share: float) -> float:
    """The microseconds that this share took at most in the middle turn: the median of the turns."""
    return statistics.median(quantile_us(turn, share) for turn in turns)


def ratio(own: Sequence[Histogram], peer: Sequence[Histogram], share: float) -> float:
    """A pooled quantile by that of a peer, of as many rounds."""
    return quantile_us(pooled(own), share) / quantile_us(pooled(peer), share)


def interval(
    own: Sequence[Histogram], peer: Sequence[Histogram], share: float
) -> tuple[float, float]:
    """Where nine in ten ratios lie when the rounds are drawn anew: how much chance is in `ratio`.

    The rounds of both are drawn together, for they stood beside one another.
    """
    draw, rounds = random.Random(1), range(len(own))
    found = []
    for _ in range(_RESAMPLES):
        drawn = draw.choices(rounds, k=len(rounds))
        found.append(ratio([own[n] for n in drawn], [peer[n] for n in drawn], share))
    found.sort()
    return found[int(_TAIL * _RESAMPLES)], found[int((1 - _TAIL) * _RESAMPLES)]
