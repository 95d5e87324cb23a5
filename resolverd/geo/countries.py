"""Where a country's people are: one representative point and the continent for each country.

Read once from `embedded/countries.csv`: every ISO 3166-1 alpha-2 code and XK, with the
capital, or for large countries a point between the great cities, since what matters is
the distance to people and not to the middle of a desert.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple


class Country(NamedTuple):
    """One country: its point in degrees, its continent (AF AN AS EU NA OC SA), its English name."""

    code: str
    latitude: float
    longitude: float
    continent: str
    name: str


@cache
def countries() -> Mapping[str, Country]:
    """Every country by its ISO 3166-1 alpha-2 code."""
    text = files("resolverd.geo").joinpath("embedded/countries.csv").read_text("utf-8")
    return MappingProxyType(
        {
            row["code"]: Country(
                row["code"],
                float(row["latitude"]),
                float(row["longitude"]),
                row["continent"],
                row["name"],
            )
            for row in csv.DictReader(text.splitlines())
        }
    )
