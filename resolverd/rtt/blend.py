"""What was measured of one country, place, network or prefix, laid over what is expected.

A residual has a part that all regions share (the client's own access line) and one of each path.
Who was measured by one region alone is mostly told of the shared part, which changes no order; so
a slow line is not taken for a bad path. The native map computes the same to the last bit
(`native/src/geo/field.rs`).
"""

from __future__ import annotations

from collections.abc import Iterable

SHARED_PRIOR = 0.5
"""How many fully believed samples of no residual the shared part begins with."""

LEAST_SHARED = -10.0
"""The least that the shared part can be, in ms: no line is much better than the usual one.

Who is nearer to one region by more than that stands elsewhere than was thought, or has a path that
others do not, and is no nearer to all the others for it.
"""

LEAST_LEFT = 0.5
"""The least part of what was expected that the shared part leaves.

So no time comes out below 0, which a bias of more than 1 would make nearer still; and who is
expected nearer stays nearer.
"""


def blended(expected: list[float], row: Iterable[tuple[int, float, float]]) -> list[float]:
    """`expected` (ms by region), moved towards a row of (region index, ms, confidence 0 to 1)."""
    samples = list(row)
    if not samples:
        return expected
    total, believed = 0.0, SHARED_PRIOR
    for region, ms, confidence in samples:
        total += confidence * (ms - expected[region])
        believed += confidence
    shared = max(total / believed, LEAST_SHARED)
    times = [max(ms + shared, LEAST_LEFT * ms) for ms in expected]
    for region, ms, confidence in samples:
        times[region] += confidence * (ms - times[region])
    return times
