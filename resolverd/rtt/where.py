"""What a line of a table was measured of: the cell `where` as one typed value.

192.0.2.0/24  2001:db8::/48  AS64500  DE  place NAME  50.1 8.7 DE

Values of different kinds are never equal: rows are joined by them, and a place may be called DE.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Final

from resolverd.config.countries import CODES
from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import Coordinates

EXAMPLES: Final = "192.0.2.0/24, 2001:db8::/48, AS64500, DE, place NAME or 50.1 8.7 DE"


@dataclass(frozen=True, slots=True)
class Asn:
    """An autonomous system, by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class CountryCode:
    """A country, by its ISO 3166-1 alpha-2 code."""

    code: str


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A `[place.NAME]` of the configuration."""

    name: str


@dataclass(frozen=True, slots=True)
class LandmarkAt:
    """A host whose place is known; `country` is empty where it is not."""

    point: Coordinates
    country: str


Where = Prefix | Asn | CountryCode | PlaceName | LandmarkAt

_ASN = re.compile(r"AS(\d{1,10})", re.IGNORECASE | re.ASCII)
_LANDMARK = re.compile(r"(-?\d+(?:\.\d*)?)[ ;]+(-?\d+(?:\.\d*)?)(?:[ ;]+([A-Za-z]{2}))?", re.ASCII)
_HOST_BITS = {
    32: {str(n): (n, (1 << (32 - n)) - 1) for n in range(33)},
    128: {str(n): (n, (1 << (128 - n)) - 1) for n in range(129)},
}


def where_of(text: str) -> Where:
    """What `text` names. Raises ValueError that says what is wrong with it."""
    if "/" in text and not text.startswith("place "):
        return prefix_of(text)
    if text.startswith("place "):
        return PlaceName(text[len("place ") :].strip())
    if match := _ASN.fullmatch(text):
        number = int(match[1])
        if not 0 < number < 1 << 32:
            raise ValueError(f"{text} is no AS number: they go from 1 to 4294967295")
        return Asn(number)
    if match := _LANDMARK.fullmatch(text):
        return _landmark(float(match[1]), float(match[2]), (match[3] or "").upper())
    if len(text) == 2 and text.isalpha():
        return CountryCode(_country(text.upper()))
    raise ValueError(f'"{text}" is neither a prefix, an ASN, a country, a place nor a landmark')


def prefix_of(text: str) -> Prefix:
    """The prefix that `text` is, an IPv4 one where it embeds such. Raises ValueError.

    Several times as fast as `ipaddress`: there may be a million of them.
    """
    address, _, length = text.partition("/")
    family, bits = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    try:
        number = int.from_bytes(socket.inet_pton(family, address))
        size, host_bits = _HOST_BITS[bits][length]
    except (OSError, KeyError, ValueError):
        raise ValueError(f'"{text}" is not a prefix such as 192.0.2.0/24') from None
    if number & host_bits:
        right = Prefix(128 if bits == 128 else 32, number & ~host_bits, size)
        raise ValueError(f"{text} has bits set behind its length; the prefix is {right}")
    if bits == 32:
        return Prefix(32, number, size)
    return extract_v4(Prefix(128, number, size)).prefix


def _landmark(latitude: float, longitude: float, country: str) -> LandmarkAt:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(
            f"{latitude:g} {longitude:g} is no place: latitudes go from -90 to 90 and longitudes "
            "from -180 to 180"
        )
    return LandmarkAt((latitude, longitude), _country(country) if country else "")


def _country(code: str) -> str:
    if code not in CODES:
        raise ValueError(f'no country has the code "{code}" (ISO 3166-1 alpha-2)')
    return code
