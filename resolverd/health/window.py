"""What an inference server did lately: the growth of its totals over a window of time.

A reading is kept every twelfth of the window, so that a thousand endpoints that are read every
second cost no more memory than their readings of a minute. Where the process starts anew, or a
total falls, the window begins anew.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from resolverd.health.readings import Buckets, LoadReadings

_PARTS = 12


@dataclass(frozen=True, slots=True)
class Growth:
    """What was added in a window: times to first token, and responses by class.

    None, and empty, where the server does not tell.
    """

    ttft: Buckets | None = None
    responses: Mapping[str, float] = field(default_factory=dict)


class Window:
    """One endpoint's readings of the last `span` seconds, the `latest` among them."""

    def __init__(self) -> None:
        self._kept: deque[LoadReadings] = deque()
        self.latest: LoadReadings | None = None

    def add(self, reading: LoadReadings, span: float) -> None:
        """One more reading; the same one again is no news."""
        if self.latest is not None and reading.at <= self.latest.at:
            return
        if self.latest is not None and _anew(self.latest, reading):
            self._kept.clear()
        self.latest = reading
        if not self._kept or reading.at - self._kept[-1].at >= span / _PARTS:
            self._kept.append(reading)
        while len(self._kept) > 1 and self._kept[1].at <= reading.at - span:
            self._kept.popleft()

    def growth(self, now: float, span: float) -> Growth:
        """What was added since the window began; nothing once the latest reading is older."""
        if self.latest is None or self.latest.at < now - span:
            return Growth()
        first, last = self._kept[0], self.latest
        if first is last:
            return Growth()
        # A server's page has no total of a class before its first response. Of one process that
        # is a total of 0; where it is not known to be one, a page may have left it out.
        known = bool(first.responses) or first.started is not None
        return Growth(
            _added(first.ttft, last.ttft),
            {name: total - first.responses.get(name, 0.0) for name, total in last.responses.items()}
            if known
            else {},
        )


def _anew(before: LoadReadings, after: LoadReadings) -> bool:
    """Whether the totals of `after` no longer continue those of `before`."""
    return (
        before.started != after.started
        or any(after.responses.get(n, 0.0) < total for n, total in before.responses.items())
        or bool(before.ttft and after.ttft and _added(before.ttft, after.ttft) is None)
    )


def _added(before: Buckets | None, after: Buckets | None) -> Buckets | None:
    if before is None or after is None or before.bounds != after.bounds:
        return None
    counts = tuple(b - a for a, b in zip(before.counts, after.counts, strict=True))
    return Buckets(after.bounds, counts) if min(counts) >= 0 else None


def together(parts: Iterable[Growth]) -> Growth:
    """What several endpoints did; histograms whose bounds are not the first's are left out."""
    bounds: tuple[float, ...] = ()
    counts: list[float] = []
    responses: dict[str, float] = {}
    for part in parts:
        if part.ttft is not None and not bounds:
            bounds, counts = part.ttft.bounds, [0.0] * len(part.ttft.bounds)
        if part.ttft is not None and part.ttft.bounds == bounds:
            counts = [a + b for a, b in zip(counts, part.ttft.counts, strict=True)]
        for name, count in part.responses.items():
            responses[name] = responses.get(name, 0.0) + count
    return Growth(Buckets(bounds, tuple(counts)) if bounds else None, responses)


def quantile(buckets: Buckets | None, share: float, min_count: float) -> float | None:
    """The value below which a `share` of observations lies, as Prometheus reckons it.

    None with fewer than `min_count` observations. Where it lies above all bounds, the highest.
    """
    if buckets is None or buckets.counts[-1] < max(min_count, 1):
        return None
    rank = share * buckets.counts[-1]
    edges = pairwise(zip((0.0, *buckets.bounds), (0.0, *buckets.counts), strict=True))
    for (low, before), (high, count) in edges:
        if count >= rank and count > before:
            return (
                low if math.isinf(high) else low + (high - low) * (rank - before) / (count - before)
            )
    return None


def success_rate(responses: Mapping[str, float], min_count: float) -> float | None:
    """The share of responses that are not of class 5xx; None with fewer than `min_count`."""
    total = sum(responses.values())
    return 1 - responses.get("5xx", 0.0) / total if total >= max(min_count, 1) else None
