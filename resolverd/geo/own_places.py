"""Places that the operator knows himself: networks and autonomous systems, and where they are.

A client has one such place at most, the most specific: that of the longest subnet around it, else
that of its autonomous system. What it says goes before any database, and what it does not say is as
the databases have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from resolverd.dns.prefix import Prefix
from resolverd.geo.countries import countries
from resolverd.geo.place import Place
from resolverd.geo.prefixmap import PrefixMap


@dataclass(frozen=True)
class OwnPlaces:
    """Own places by subnet (as extracted) and by autonomous system number."""

    subnets: tuple[tuple[Prefix, Place], ...] = ()
    asns: Mapping[int, Place] = field(default_factory=dict)

    @cached_property
    def by_subnet(self) -> PrefixMap[Place]:
        """The places by subnet, for look-ups."""
        return PrefixMap(self.subnets)


NO_PLACES = OwnPlaces()


def own_place(name: str, coordinates: tuple[float, float] | None, country: str | None) -> Place:
    """What the operator says of the place `name`; coordinates in degrees, all parts optional."""
    known = countries().get(country or "")
    latitude, longitude = coordinates or (None, None)
    country, continent = (known.code, known.continent) if known else (None, None)
    return Place(latitude, longitude, country, continent, f"place {name}", name=name)


def completed(own: Place, database: Place | None) -> Place:
    """An own place with what the databases say beside it.

    Where it names a country alone, its point is theirs if they name the same country, else the
    country's own.
    """
    made = own if database is None else own.completed_by(database)
    if made.point is None and made.country is not None:
        country = countries()[made.country]
        made = made.at(country.latitude, country.longitude)
    return made
