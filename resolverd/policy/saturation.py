"""How full one replica of an inference server is: 1 is as full as it should ever be.

The measure is that of the Gateway API inference extension: the larger of two measures, the
queue of waiting requests and the share of the KV cache in use, each against its target. What
a server does not tell is unknown, and unknown is never taken for empty.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Targets(NamedTuple):
    """Waiting requests, and the share of the KV cache (0 to 1), that count as just full."""

    queue: float = 5.0
    kv: float = 0.8


def saturation_of(
    waiting: float | None, kv_usage: float | None, targets: Targets, *, full: bool = False
) -> float | None:
    """One replica's saturation; None where neither reading is known.

    `full` says that the server itself turned a request away, or was too slow to answer one: it
    counts as saturated whatever its readings say.
    """
    ratios = [
        reading / target
        for reading, target in ((waiting, targets.queue), (kv_usage, targets.kv))
        if reading is not None and math.isfinite(reading)
    ]
    if full:
        ratios.append(1.0)
    return max(ratios, default=None)


class Smoothed(NamedTuple):
    """An exponentially weighted mean of one replica's samples, and the latest of them.

    `at` is when the latest was taken, on the monotonic clock.
    """

    value: float
    latest: float
    at: float


def smooth(before: Smoothed | None, latest: float, at: float, weight: float) -> Smoothed:
    """With one more sample, which counts `weight` (0 to 1); a sample counts only once."""
    if before is None:
        return Smoothed(latest, latest, at)
    if at <= before.at:
        return before
    return Smoothed(before.value + weight * (latest - before.value), latest, at)
