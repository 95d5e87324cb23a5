"""The record layouts of city and country databases, and how each becomes a `Place`.

Two families exist. MaxMind's is nested (``{"country": {"iso_code": …}, "location": {…}}``,
also made by DB-IP) and is read through geoip2's record classes. The npm packages of ip-location-db
are flat (``{"country_code": …, "latitude": …}``), which geoip2 refuses.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Any

import geoip2.records

from resolverd.geo.countries import countries
from resolverd.geo.place import Place

_CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})
# ISO 3166-1 reserves EU for the European Union; registries write it for "some country of it".
_CODES_OF_CONTINENTS = {"EU": "EU"}
_LOCALES = ("en",)


class Layout(StrEnum):
    """How a database's records say where an address is."""

    CITY = "nested city"
    COUNTRY = "nested country"
    FLAT = "flat"
    ASN = "autonomous systems"


def layout_of(database_type: str) -> Layout | None:
    """The layout that a metadata `database_type` announces, None for a type without places."""
    if "City" in database_type or "Enterprise" in database_type:
        return Layout.CITY
    if "Country" in database_type:
        return Layout.COUNTRY
    if re.search(r"\b(city|country)\b", database_type):
        return Layout.FLAT
    if re.search(r"\b(ASN|asn|ISP)\b", database_type):
        return Layout.ASN
    return None


def has_asns(layout: Layout, database_type: str) -> bool:
    """Whether records of this layout and type tell the autonomous system of a network."""
    return layout is Layout.ASN or "asn" in database_type.lower()


def read_place(layout: Layout, record: object, how: str) -> Place | None:
    """The place a record gives; None when no part of it is known.

    Raises ValueError when the record has another shape or impossible values.
    """
    if not isinstance(record, dict):
        raise ValueError(f"a record is a {type(record).__name__}, not a map")
    if layout is Layout.ASN:
        number = _asn(record)
        return None if number is None else Place(None, None, None, None, how, number)
    if layout is Layout.FLAT:
        return _place(
            record.get("country_code"),
            None,
            record.get("latitude"),
            record.get("longitude"),
            how,
        )
    try:
        country = geoip2.records.Country(_LOCALES, **_part(record, "country"))
        continent = geoip2.records.Continent(_LOCALES, **_part(record, "continent"))
        location = geoip2.records.Location(
            **(_part(record, "location") if layout is Layout.CITY else {})
        )
    except TypeError as error:
        raise ValueError(f"a record is not a geoip2 one: {error}") from error
    return _place(country.iso_code, continent.code, location.latitude, location.longitude, how)


def _part(record: dict[str, Any], key: str) -> dict[str, Any]:
    part = record.get(key, {})
    if not isinstance(part, dict):
        raise ValueError(f"a record's {key} is a {type(part).__name__}, not a map")
    return part


def _place(
    code: object, continent: object, latitude_value: object, longitude_value: object, how: str
) -> Place | None:
    # "ZZ", "EU", "-" and the like stand for "no one country"; only real codes count.
    country = countries().get(_text(code))
    latitude, longitude = _degrees(latitude_value, 90.0), _degrees(longitude_value, 180.0)
    if (latitude is None) != (longitude is None):
        raise ValueError("a record has a latitude or a longitude, but not both")
    # 0° N 0° E is how some sources write "unknown", beside a country too: there is only water.
    if latitude is None or longitude is None or latitude == longitude == 0.0:
        latitude, longitude = (country.latitude, country.longitude) if country else (None, None)
    known = _text(continent)
    if known not in _CONTINENTS:
        known = country.continent if country else _CODES_OF_CONTINENTS.get(_text(code), "")
    if latitude is None and not known:
        return None
    return Place(latitude, longitude, country.code if country else None, known or None, how)


def _asn(record: dict[str, Any]) -> int | None:
    """The number of the autonomous system; None where there is none, or the reserved 0."""
    value = record.get("autonomous_system_number", record.get("asn"))
    if value is None or value == "":
        return None
    if isinstance(value, str):
        digits = value.removeprefix("AS")
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 11 else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError("an autonomous system number is none")
    return value or None


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"a code is {value!r}, not text")
    return value


def _degrees(value: object, maximum: float) -> float | None:
    """A coordinate as a number; flat databases may write it as text, or as empty text."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a coordinate is {value!r}, not a number")
    degrees = float(value)
    if not math.isfinite(degrees) or abs(degrees) > maximum:
        raise ValueError(f"a coordinate is {degrees}, beyond {maximum:g} degrees")
    return degrees
