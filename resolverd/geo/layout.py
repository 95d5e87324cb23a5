"""The record layouts of city and country databases, and how each becomes a `Place`.

MaxMind's is nested (``{"country": {"iso_code": …}, "location": {…}}``, also made by DB-IP and
IP2Location) and is read through geoip2's record classes. The npm packages of ip-location-db are
flat (``{"country_code": …, "latitude": …}``), which geoip2 refuses, and so are IPinfo's, with keys
of their own.

A record with holes says what it says: half a point is none, 0° N 0° E is none, a code that is no
country is none. `country` is where the address is; `registered_country` is where its holder is
registered, and `represented_country` whose embassy or base it serves, which say nothing of the
way there and are not read.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple

import geoip2.records

from resolverd.geo.countries import Country, countries
from resolverd.geo.place import Place

DOUBT_RADIUS = 500.0
"""Kilometres of `accuracy_radius` from which on a point is not believed. The regions of one
country stand 1,000 km apart and more: within half of that a point still tells the nearest, beyond
it does not. In practice MaxMind writes 1,000 where it knows the country alone."""

READABLE = (
    "City, Country and Enterprise of MaxMind and DB-IP, DB1 to DB11 of IP2Location in MaxMind "
    "format, location, country, lite, core and plus of IPinfo, city and country of ip-location-db, "
    "and databases of autonomous systems"
)
"""What can be read, for who has something else."""

_CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})
# ISO 3166-1 reserves EU for the European Union; registries write it for "some country of it".
_CODES_OF_CONTINENTS = {"EU": "EU"}
_LOCALES = ("en",)
_UNKNOWN_TEXT = ("", "-")
_NUMBER_TEXT = 256  # octets of the longest text that is read as a radius
_IPINFO_WORDS = frozenset({"location", "geolocation", "country", "city", "lite", "core", "plus"})


class Layout(StrEnum):
    """How a database's records say where an address is."""

    CITY = "nested city"
    COUNTRY = "nested country"
    FLAT = "flat"
    IPINFO = "ipinfo"
    ASN = "autonomous systems"


def layout_of(database_type: str) -> Layout | None:
    """The layout that a metadata `database_type` announces, None for a type without places."""
    if database_type.startswith("ipinfo "):
        words = re.split(r"[^a-z0-9]+", database_type)
        if _IPINFO_WORDS.intersection(words):
            return Layout.IPINFO
        return Layout.ASN if "asn" in words else None
    if "City" in database_type or "Enterprise" in database_type:
        return Layout.CITY
    if "Country" in database_type:
        return Layout.COUNTRY
    if numbered := re.search(r"(?ais)^ip2(?:location|lite).*\bdb([0-9]+)\b", database_type):
        # The first two know countries (and providers) alone.
        return Layout.COUNTRY if int(numbered[1]) <= 2 else Layout.CITY
    if re.search(r"\b(city|country)\b", database_type):
        return Layout.FLAT
    if re.search(r"\b(ASN|asn|ISP)\b", database_type):
        return Layout.ASN
    return None


def may_have_asns(layout: Layout) -> bool:
    """Whether the autonomous system of a network is read of records of this layout."""
    return layout in (Layout.ASN, Layout.IPINFO)


class _Said(NamedTuple):
    """What one record says, as it says it.

    `fine`: its database knows more than countries, `named`: it names a city or a part of the
    country, `unnamed`: it has a place for such names, and none is there.
    """

    code: object
    continent: object
    latitude: object
    longitude: object
    radius: object
    anycast: bool
    fine: bool
    named: bool
    unnamed: bool


def read_place(layout: Layout, record: object, how: str) -> Place | None:
    """The place a record gives; None when no part of it is known.

    Raises ValueError when the record has another shape or impossible values.
    """
    if not isinstance(record, dict):
        raise ValueError(f"a record is a {type(record).__name__}, not a map")
    if layout is Layout.ASN:
        number = _asn(record)
        return None if number is None else Place(None, None, None, None, how, number)
    if layout is Layout.CITY or layout is Layout.COUNTRY:
        return _place(_nested(record, fine=layout is Layout.CITY), how)
    place = _place(_flat(record, ipinfo=layout is Layout.IPINFO), how)
    return _numbered(place, record, how) if may_have_asns(layout) else place


def _nested(record: dict[str, Any], *, fine: bool) -> _Said:
    try:
        country = geoip2.records.Country(_LOCALES, **_part(record, "country"))
        continent = geoip2.records.Continent(_LOCALES, **_part(record, "continent"))
        location = geoip2.records.Location(**(_part(record, "location") if fine else {}))
    except TypeError as error:
        raise ValueError(f"a record is not a geoip2 one: {error}") from error
    traits = record.get("traits")
    return _Said(
        country.iso_code,
        continent.code,
        location.latitude,
        location.longitude,
        location.accuracy_radius,
        anycast=isinstance(traits, dict) and traits.get("is_anycast") is True,
        fine=fine,
        named="city" in record or "subdivisions" in record,
        unnamed=False,
    )


def _flat(record: dict[str, Any], *, ipinfo: bool) -> _Said:
    """A flat record. IPinfo's older databases have the code as `country`, newer ones the name."""
    north, east = ("latitude", "longitude")
    if ipinfo and not {north, east} & record.keys():
        north, east = ("lat", "lng")
    code, continent = record.get("country_code"), record.get("continent_code")
    if ipinfo:
        code = record.get("country", code) if "country_code" not in record else code
        continent = record.get("continent") if "continent_code" not in record else continent
    names = [record[key] for key in ("city", "state1", "region") if key in record]
    named = any(name not in _UNKNOWN_TEXT for name in names)
    return _Said(
        code,
        continent,
        record.get(north),
        record.get(east),
        record.get("accuracy_radius", record.get("radius")),
        anycast=record.get("is_anycast") is True or record.get("is_anycast") == "true",
        fine=north in record or east in record,
        named=named,
        unnamed="city" in record and not named,
    )


def _numbered(place: Place | None, record: dict[str, Any], how: str) -> Place | None:
    """The place with the autonomous system that is beside it; a number that is none spoils none."""
    try:
        number = _asn(record)
    except ValueError:
        return place
    if number is None:
        return place
    return replace(place or Place(None, None, None, None, how), asn=number)


def _part(record: dict[str, Any], key: str) -> dict[str, Any]:
    part = record.get(key, {})
    if not isinstance(part, dict):
        raise ValueError(f"a record's {key} is a {type(part).__name__}, not a map")
    return part


def _place(said: _Said, how: str) -> Place | None:
    # "ZZ", "EU", "-" and the like stand for "no one country"; only real codes count.
    code = _text(said.code)
    country = countries().get(code)
    point, radius = _point(said), _kilometres(said.radius)
    doubt = _doubt(said, country, point, radius)
    if doubt or point is None:
        point = (country.latitude, country.longitude) if country else None
    continent = _text(said.continent)
    if continent not in _CONTINENTS:
        continent = country.continent if country else _CODES_OF_CONTINENTS.get(code, "")
    if point is None and not continent:
        return None
    latitude, longitude = point or (None, None)
    return Place(
        latitude,
        longitude,
        country.code if country else None,
        continent or None,
        how,
        radius=radius if point else None,
        doubt=doubt if country else "",
    )


def _point(said: _Said) -> tuple[float, float] | None:
    latitude, longitude = _degrees(said.latitude, 90.0), _degrees(said.longitude, 180.0)
    # 0° N 0° E is how some sources write "unknown", beside a country too: there is only water.
    if latitude is None or longitude is None or latitude == longitude == 0.0:
        return None
    return latitude, longitude


def _doubt(
    said: _Said, country: Country | None, point: tuple[float, float] | None, radius: float | None
) -> str:
    """Why a record says no more than the country; empty where it does, or where none could."""
    if said.anycast:
        return "anycast: it is in many places"
    if point is None:
        return "its record has no point" if said.fine else ""
    if radius is not None and radius >= DOUBT_RADIUS:
        return "its point is a guess"
    if country is None:
        return ""
    if not country.reaches(*point):
        return f"{point[0]:.2f}, {point[1]:.2f} is far from {country.code}"
    if radius is None and (said.unnamed or (not said.named and country.is_centre(*point))):
        return f"{point[0]:.2f}, {point[1]:.2f} stands for all of {country.code}"
    return ""


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
    if value is None or value in _UNKNOWN_TEXT:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a coordinate is {value!r}, not a number")
    degrees = float(value)
    if not math.isfinite(degrees) or abs(degrees) > maximum:
        raise ValueError(f"a coordinate is {degrees}, beyond {maximum:g} degrees")
    return degrees


def _kilometres(value: object) -> float | None:
    """A radius as a number; None for what is none, since a place is known without one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not (value.isascii() and len(value) <= _NUMBER_TEXT):
        return None
    try:
        kilometres = float(value)
    except ValueError:
        return None
    return kilometres if math.isfinite(kilometres) and kilometres >= 0 else None
