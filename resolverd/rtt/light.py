"""What light in fibre allows: the least way from what was measured, and what outruns it; pure.

A country is as near as the nearest part of it, a network as near as databases say, which are wrong
about some: so a few networks that outrun light mean nothing, and many that what measured them was
not where it is said to be.
"""

from __future__ import annotations

from collections.abc import Callable
from math import atan2, cos, degrees, radians, sin
from typing import Final

from resolverd.dns.prefix import Prefix
from resolverd.geo.countries import Country, countries
from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.geo.locator import Locator
from resolverd.rtt.field import FIBRE_MS_PER_KM

PLACE_ERROR_KM: Final = 50.0
"""How far a host may stand from its coordinates, before light is said to have been outrun."""

DATABASE_ERROR_KM: Final = 500.0
"""How far a network may be from where databases have it."""

SAMPLED: Final = 300
"""How many networks are looked up: enough to tell one in five from one in ten."""

_MAX_IMPLAUSIBLE = 0.2
# So many have to have a known place for a share of them to mean anything.
_MIN_PLACED = 5

PlaceOf = Callable[[Prefix], Coordinates | None]
"""Where a network is; None where that is not known to the city."""


class Plausibility:
    """How many networks were looked up for one region, and how many of them outrun light."""

    def __init__(self, region: Coordinates) -> None:
        self.placed = self.implausible = 0
        self._region = region

    def note(self, ms: float, place: Coordinates | None) -> bool:
        """Count a network there, measured at `ms`; whether it outruns light."""
        if place is None:
            return False
        self.placed += 1
        outrun = outruns(ms, great_circle_km(place, self._region) - DATABASE_ERROR_KM)
        self.implausible += outrun
        return outrun

    @property
    def believed(self) -> bool:
        """Whether these are no more than databases are wrong about."""
        if self.placed < _MIN_PLACED:
            return True
        return self.implausible <= _MAX_IMPLAUSIBLE * self.placed

    def __str__(self) -> str:
        return (
            f"{self.implausible} of {self.placed} networks that were looked up are nearer than "
            "light in fibre could make them"
        )


def outruns(ms: float, km: float) -> bool:
    """Whether a round trip over so many kilometres takes longer than that at least."""
    return ms < FIBRE_MS_PER_KM * km


def least_km_to_country(country: Country, region: Coordinates) -> float:
    """Kilometres from `region` to the nearest point that a country reaches."""
    north, east = region
    if country.reaches(north, east):
        return 0.0
    nearest = min(max(north, country.south), country.north)
    if country.reaches(nearest, east):
        return great_circle_km((nearest, east), region)
    return min(_least_km_to_meridian(m, country, region) for m in (country.west, country.east))


def _least_km_to_meridian(meridian: float, country: Country, region: Coordinates) -> float:
    """Kilometres to the nearest point of a meridian, from a country's south to its north."""
    north, away = radians(region[0]), radians(meridian - region[1])
    # Where the great circle through `region` meets it at a right angle; beyond a pole it does not.
    foot = degrees(atan2(sin(north), cos(north) * cos(away)))
    nearest = {country.south, country.north}
    if country.south < foot < country.north:
        nearest.add(foot)
    return min(great_circle_km((latitude, meridian), region) for latitude in nearest)


def places_by(locator: Callable[[], Locator]) -> PlaceOf:
    """Where networks are by the databases of the moment."""

    def place_of(network: Prefix) -> Coordinates | None:
        place, _ = locator().locate(network)
        if place is None or place.point is None:
            return None
        country = countries().get(place.country or "")
        middle = None if country is None else (country.latitude, country.longitude)
        return None if place.point == middle else place.point

    return place_of
