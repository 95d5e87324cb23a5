"""The two values that geography hands out: a `Place`, and how wide it is true (`Located`).

What is known of an address comes in parts: a point, a country, a continent. Each may be unknown
while another is not, and an unknown point says nothing of the jurisdiction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of where an address is; at least one part is.

    `latitude` and `longitude` are in degrees, both None where no point is known; `country` is an
    ISO 3166-1 alpha-2 code (or XK), `continent` one of AF AN AS EU NA OC SA; `how` is the file name
    of the database that said so, of several joined by " + ", "place NAME" or "edge". Where a
    database knows a country, it knows point and continent too. `asn` is the number of the
    autonomous system that announces it, `name` is of the operator's own place that it lies in.

    `radius` is how exact the database says the point is, in kilometres; None where it does not.
    `doubt` is why the point is no better than "somewhere in this country", and empty where it is:
    the point is then the country's own (`countries`), and the country is known.
    """

    latitude: float | None
    longitude: float | None
    country: str | None
    continent: str | None
    how: str
    asn: int | None = None
    name: str = ""
    radius: float | None = None
    doubt: str = ""

    @property
    def point(self) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees; None where unknown."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude

    @property
    def is_somewhere(self) -> bool:
        """Whether any part of where it is is known; a number of a network is none."""
        return self.point is not None or self.continent is not None

    def at(self, latitude: float, longitude: float) -> Place:
        """This place with another point, in degrees."""
        return replace(self, latitude=latitude, longitude=longitude)

    def completed_by(self, other: Place) -> Place:
        """This place; what it does not know is as `other` has it.

        Of a place in another country than this one's, the point is not taken.
        """
        abroad = None not in (self.country, other.country) and self.country != other.country
        known = self if self.point is not None or abroad else other
        made = replace(
            self,
            latitude=known.latitude,
            longitude=known.longitude,
            country=self.country or other.country,
            continent=self.continent or other.continent,
            asn=other.asn if self.asn is None else self.asn,
            name=self.name or other.name,
            radius=known.radius,
            doubt=known.doubt,
        )
        return self if made == self else replace(made, how=f"{self.how} + {other.how}")


class Located(NamedTuple):
    """The place of an address, None where nothing places it.

    `length` counts the bits, in the family of the question, of the network around the address
    inside which every address gets this same place; it is exact for unplaced addresses too.
    """

    place: Place | None
    length: int
