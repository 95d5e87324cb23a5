"""Landmarks that stand together as one, and of many no more than the fit can take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import cos, radians
from typing import Final

from resolverd.geo.distance import Coordinates
from resolverd.rtt.samples import Landmark, Row, Sample

MAX_LANDMARKS: Final = 300
TOGETHER_DEGREES: Final = 0.02
"""Within some 2 km: edges of one data centre, or of two coordinates of it."""


def merged(landmarks: Iterable[Landmark]) -> list[Landmark]:
    """At most `MAX_LANDMARKS`, those of one cell of a grid joined; coarser until they are so few.

    The order is that of the first of each cell.
    """
    degrees = TOGETHER_DEGREES
    left = _joined(sorted(landmarks), degrees)
    while len(left) > MAX_LANDMARKS:
        degrees *= 1.4
        left = _joined(left, degrees)
    return left


def _joined(landmarks: Sequence[Landmark], degrees: float) -> list[Landmark]:
    cells: dict[tuple[int, int, str], list[Landmark]] = {}
    for mark in landmarks:
        cells.setdefault((*_cell(mark.point, degrees), mark.country), []).append(mark)
    return [_as_one(together) if len(together) > 1 else together[0] for together in cells.values()]


def _cell(point: Coordinates, degrees: float) -> tuple[int, int]:
    north = round(point[0] / degrees)
    around = max(0.01, cos(radians(north * degrees)))
    return north, round(point[1] * around / degrees)


def _as_one(together: Sequence[Landmark]) -> Landmark:
    """Their middle; of each region the median of what they measured, as the best believed."""
    samples: dict[int, list[Sample]] = {}
    for mark in together:
        for sample in mark.row:
            samples.setdefault(sample.region, []).append(sample)
    row: Row = tuple(
        Sample(
            region,
            sorted(sample.ms for sample in some)[(len(some) - 1) // 2],
            max(sample.confidence for sample in some),
            min(sample.age for sample in some),
        )
        for region, some in sorted(samples.items())
    )
    count = len(together)
    latitude = sum(mark.point[0] for mark in together) / count
    first = together[0].point[1]
    # East of the first one by less than half a turn, also across the date line.
    east = sum((mark.point[1] - first + 180.0) % 360.0 - 180.0 for mark in together) / count
    longitude = (first + east + 180.0) % 360.0 - 180.0
    return Landmark((latitude, longitude), together[0].country, row)
