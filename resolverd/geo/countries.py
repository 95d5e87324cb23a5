"""Where a country's people are, how far it reaches, and where databases put what is only "there".

Read once from `embedded/countries.csv`: every ISO 3166-1 alpha-2 code and XK, with the
capital, or for large countries a point between the great cities, since what matters is
the distance to people and not to the middle of a desert. The reach is in whole degrees and
500 km wider than the country, so what lies outside is not in the country by any error of a
database. `embedded/centres.csv` has the well-known points of large countries that mean the
country and nothing in it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

# Degrees by which a point may differ from a centre: databases round to two decimals or more.
_ROUNDING = 0.006


class Country(NamedTuple):
    """One country: its point in degrees, its continent (AF AN AS EU NA OC SA), its English name.

    `south` to `north` and `west` to `east` are its reach in degrees; over the antimeridian `west`
    is greater than `east`. `centres` are (latitude, longitude) pairs that stand for all of it.
    """

    code: str
    latitude: float
    longitude: float
    continent: str
    name: str
    south: float
    north: float
    west: float
    east: float
    centres: tuple[tuple[float, float], ...] = ()

    def reaches(self, latitude: float, longitude: float) -> bool:
        """Whether a point may lie in the country."""
        if not self.south <= latitude <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= longitude <= self.east
        return longitude >= self.west or longitude <= self.east

    def is_centre(self, latitude: float, longitude: float) -> bool:
        """Whether a point is one of those that stand for the whole country."""
        return any(
            abs(latitude - north) < _ROUNDING and abs(longitude - east) < _ROUNDING
            for north, east in self.centres
        )


@cache
def countries() -> Mapping[str, Country]:
    """Every country by its ISO 3166-1 alpha-2 code."""
    centres: dict[str, list[tuple[float, float]]] = {}
    for row in _rows("centres.csv"):
        centres.setdefault(row["code"], []).append(
            (float(row["latitude"]), float(row["longitude"]))
        )
    return MappingProxyType(
        {
            row["code"]: Country(
                row["code"],
                float(row["latitude"]),
                float(row["longitude"]),
                row["continent"],
                row["name"],
                float(row["south"]),
                float(row["north"]),
                float(row["west"]),
                float(row["east"]),
                tuple(centres.get(row["code"], ())),
            )
            for row in _rows("countries.csv")
        }
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("resolverd.geo").joinpath(f"embedded/{name}").read_text("utf-8")
    return iter(csv.DictReader(text.splitlines()))
