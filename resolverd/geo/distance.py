"""Great-circle distance: degrees in, kilometres out, on a sphere of the mean Earth radius."""

from __future__ import annotations

from collections.abc import Iterable
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of the WGS 84 ellipsoid, in kilometres."""

Coordinates = tuple[float, float]
"""(latitude, longitude) in degrees: positive to the north and to the east of Greenwich."""


def great_circle_km(a: Coordinates, b: Coordinates) -> float:
    """Kilometres from `a` to `b` along the surface, by the haversine formula.

    Within 0.6 % of the ellipsoid's distance, which is far below what a database knows.
    """
    return great_circles_km(a, (b,))[0]


def great_circles_km(a: Coordinates, others: Iterable[Coordinates]) -> list[float]:
    """The same from `a` to each of `others`, at half the time where these are many."""
    north_a, east_a = radians(a[0]), a[1]
    cos_a, found = cos(north_a), []
    for b_north, b_east in others:
        north_b = radians(b_north)
        # Squared by multiplication, and in this order: the native map has to get the same bits.
        north, east = sin((north_b - north_a) / 2), sin(radians(b_east - east_a) / 2)
        half_chord_squared = north * north + cos_a * cos(north_b) * (east * east)
        # Rounding can carry the sum of an antipode past 1, where asin has no value.
        if half_chord_squared > 1.0:
            half_chord_squared = 1.0
        elif half_chord_squared < 0.0:
            half_chord_squared = 0.0
        found.append(2 * EARTH_RADIUS_KM * asin(sqrt(half_chord_squared)))
    return found
