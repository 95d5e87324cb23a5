"""Great-circle distance: known pairs, and the laws of a metric."""

from __future__ import annotations

from math import atan2, cos, pi, radians, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.geo.distance import EARTH_RADIUS_KM, Coordinates, great_circle_km

points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
HALF_AROUND = pi * EARTH_RADIUS_KM

LONDON = (51.5074, -0.1278)
NEW_YORK = (40.7128, -74.0060)
TOKYO = (35.6762, 139.6503)
SYDNEY = (-33.8688, 151.2093)
SUVA = (-18.12, 178.45)
APIA = (-13.83, -171.77)


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        (LONDON, NEW_YORK, 5570),
        (LONDON, TOKYO, 9559),
        (TOKYO, SYDNEY, 7823),
        (SUVA, APIA, 1149),  # across the date line
        ((90.0, 0.0), (-90.0, 77.0), HALF_AROUND),
        ((0.0, 0.0), (0.0, 180.0), HALF_AROUND),
        ((0.0, 0.0), (0.0, 1.0), 111.195),
    ],
)
def test_known_pairs_are_as_far_as_an_atlas_says(a: Coordinates, b: Coordinates, km: float) -> None:
    assert great_circle_km(a, b) == pytest.approx(km, rel=0.002)


@given(points, points)
def test_it_is_the_guides_haversine_but_for_the_last_digits_of_the_radius(
    a: Coordinates, b: Coordinates
) -> None:
    """Its radius is 6,371 km; ours has nine metres more."""
    north, east = radians(b[0] - a[0]), radians(b[1] - a[1])
    half = sin(north / 2) ** 2 + cos(radians(a[0])) * cos(radians(b[0])) * sin(east / 2) ** 2
    guide = 2 * 6371 * atan2(sqrt(half), sqrt(max(0.0, 1 - half)))
    assert great_circle_km(a, b) == pytest.approx(guide, rel=2e-6, abs=0.01)


@given(points, points)
def test_distance_is_symmetric_and_within_half_the_globe(a: Coordinates, b: Coordinates) -> None:
    assert great_circle_km(a, b) == pytest.approx(great_circle_km(b, a), abs=1e-6)
    assert 0 <= great_circle_km(a, b) <= HALF_AROUND * (1 + 1e-12)


@given(points)
def test_a_point_is_nowhere_but_where_it_is(a: Coordinates) -> None:
    assert great_circle_km(a, a) == 0


@given(points, points, points)
def test_no_detour_is_shorter(a: Coordinates, b: Coordinates, c: Coordinates) -> None:
    # Near an antipode the haversine formula loses half of its digits: metres, not kilometres.
    assert great_circle_km(a, c) <= great_circle_km(a, b) + great_circle_km(b, c) + 0.01


@given(points)
def test_an_antipode_is_half_the_globe_away(a: Coordinates) -> None:
    opposite = (-a[0], a[1] - 180 if a[1] > 0 else a[1] + 180)
    assert great_circle_km(a, opposite) == pytest.approx(HALF_AROUND, abs=0.01)
