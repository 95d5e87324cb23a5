"""The two values that geography hands out: a `Place`, and how wide it is true (`Located`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Place:
    """A point on Earth and what is known of it.

    Degrees north and east; `country` is an ISO 3166-1 alpha-2 code (or XK), `continent` one
    of AF AN AS EU NA OC SA; `how` is the file name of the database that said so, or "edge".
    """

    latitude: float
    longitude: float
    country: str | None
    continent: str | None
    how: str


class Located(NamedTuple):
    """The place of an address, None where nothing places it.

    `length` counts the bits, in the family of the question, of the network around the address
    inside which every address gets this same place; it is exact for unplaced addresses too.
    """

    place: Place | None
    length: int
