"""What light allows, against a country's reach tried point by point."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.geo.countries import Country, countries
from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.light import Plausibility, least_km_to_country, outruns

TOKYO = (35.7, 139.7)


def _tried(country: Country, region: Coordinates) -> float:
    """The least distance to the points of a fine grid over the country's reach."""
    width = (country.east - country.west) % 360 or 360 * (country.east != country.west)
    return min(
        great_circle_km(
            (
                country.south + (country.north - country.south) * n / 60,
                (country.west + width * e / 60 + 180) % 360 - 180,
            ),
            region,
        )
        for n in range(61)
        for e in range(61)
    )


@given(st.sampled_from(sorted(countries())), st.floats(-89, 89), st.floats(-180, 180))
def test_a_country_is_as_near_as_its_nearest_part(code: str, north: float, east: float) -> None:
    country, region = countries()[code], (north, east)
    least = least_km_to_country(country, region)
    tried = _tried(country, region)
    assert least <= tried + 1e-6
    # A step of the grid is the 60th part of the reach, up to 6 degrees.
    assert tried - least < 500


@pytest.mark.parametrize(
    ("code", "least", "most"),
    [("DE", 7500, 9000), ("JP", 0, 0), ("RU", 0, 1500), ("FJ", 5500, 7500)],
)
def test_what_is_known_of_some(code: str, least: float, most: float) -> None:
    assert least <= least_km_to_country(countries()[code], TOKYO) <= most


def test_no_round_trip_is_shorter_than_a_hundredth_of_a_millisecond_a_kilometre() -> None:
    assert outruns(9.99, 1000)
    assert not outruns(10.0, 1000)
    assert not outruns(0.1, -400)


def test_one_in_five_is_what_databases_may_be_wrong_about() -> None:
    found = Plausibility(TOKYO)
    for number in range(10):
        assert found.note(3.0 if number < 2 else 120.0, (50.1, 8.7)) is (number < 2)
        found.note(3.0, None)
    assert (found.believed, found.placed) == (True, 10)
    found.note(3.0, (50.1, 8.7))
    assert (found.believed, found.placed) == (False, 11)
    assert str(found).startswith("3 of 11 networks")
