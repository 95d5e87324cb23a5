"""Great-circle distance: degrees in, kilometres out, on a sphere of the mean Earth radius."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of the WGS 84 ellipsoid, in kilometres."""

Coordinates = tuple[float, float]
"""(latitude, longitude) in degrees: positive to the north and to the east of Greenwich."""


def great_circle_km(a: Coordinates, b: Coordinates) -> float:
    """Kilometres from `a` to `b` along the surface, by the haversine formula.

    Within 0.6 % of the ellipsoid's distance, which is far below what a database knows.
    """
    north_a, north_b = radians(a[0]), radians(b[0])
    # Squared by multiplication, and in this order: the native map has to get the same bits.
    north, east = sin((north_b - north_a) / 2), sin(radians(b[1] - a[1]) / 2)
    half_chord_squared = north * north + cos(north_a) * cos(north_b) * (east * east)
    # Rounding can carry the sum of an antipode past 1, where asin has no value.
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, max(0.0, half_chord_squared))))
