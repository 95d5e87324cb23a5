"""A world of fibre whose truth is known: cities, detours, bad paths, and what is measured of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.samples import Landmark, Sample

REGIONS: dict[str, Coordinates] = {
    "us-east": (39.0, -77.5),
    "us-west": (37.4, -122.0),
    "eu-west": (53.3, -6.3),
    "eu-central": (50.1, 8.7),
    "ap-east": (35.7, 139.8),
}
_CENTRES = [(40.0, -90.0), (48.0, 8.0), (35.0, 137.0), (34.0, -117.0), (52.0, 20.0), (44.0, -75.0)]


def cities(count: int, seed: int) -> list[Coordinates]:
    """Places around a few centres, as people live."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        north, east = chance.choice(_CENTRES)
        found.append((north + chance.gauss(0, 4), east + chance.gauss(0, 7)))
    return found


def true_ms(point: Coordinates, region: Coordinates) -> float:
    """Fibre with a detour that grows to the south and over the Pacific, and an access line."""
    km = great_circle_km(point, region)
    detour = 1.35 + max(0.0, 45.0 - point[0]) / 100
    over_pacific = 25.0 if (point[1] > 100) != (region[1] > 100) and point[1] < 60 else 0.0
    return 3.0 + 0.01 * detour * km + over_pacific


def landmark(
    point: Coordinates, bad: Sequence[float] = (), country: str = "", noise: float = 0.0
) -> Landmark:
    """A host there, and what it measures; `bad` is what its paths take longer, by region."""
    row = []
    for index, region in enumerate(REGIONS.values()):
        extra = bad[index] if bad else 0.0
        row.append(Sample(index, true_ms(point, region) + extra + noise, 0.9))
    return Landmark(point, country, tuple(row))
