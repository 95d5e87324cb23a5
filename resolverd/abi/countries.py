"""The countries of the world, as the native library reads them (`native/src/geo/countries.rs`)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Protocol


class Country(Protocol):
    """A country as the library reads it: its point in degrees, its reach, and its continent."""

    @property
    def latitude(self) -> float:
        """Latitude of its point, in degrees: north is positive."""

    @property
    def longitude(self) -> float:
        """Longitude of its point, in degrees: east is positive."""

    @property
    def south(self) -> float:
        """Latitude of its southern end, in degrees; `north` of its northern one."""

    @property
    def north(self) -> float:
        """See `south`."""

    @property
    def west(self) -> float:
        """Longitude of its western end, in degrees; greater than `east` over the antimeridian."""

    @property
    def east(self) -> float:
        """See `west`."""

    @property
    def centres(self) -> Sequence[tuple[float, float]]:
        """Points in degrees that stand for all of it."""

    @property
    def continent(self) -> str:
        """Its continent, as a code of two letters: AF, AN, AS, EU, NA, OC or SA."""


def table_of(countries: Mapping[str, Country]) -> bytes:
    """The octets of all, by their codes."""
    return b"".join(
        struct.pack(
            f"!2s2s6dB{2 * len(c.centres)}d",
            *(code.encode(), c.continent.encode(), c.latitude, c.longitude),
            *(c.south, c.north, c.west, c.east, len(c.centres)),
            *(degrees for centre in c.centres for degrees in centre),
        )
        for code, c in countries.items()
    )
