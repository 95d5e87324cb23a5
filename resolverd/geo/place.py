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
    of the database that said so, of several joined by " + ", or "edge". Where a country is known,
    so is all else.

    `radius` is how exact the database says the point is, in kilometres; None where it does not.
    `doubt` is why the point is no better than "somewhere in this country", and empty where it is:
    the point is then the country's own (`countries`), and the country is known.
    """

    latitude: float | None
    longitude: float | None
    country: str | None
    continent: str | None
    how: str
    radius: float | None = None
    doubt: str = ""

    @property
    def point(self) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees; None where unknown."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude

    def completed_by(self, other: Place) -> Place:
        """This place; what it does not know is as `other` has it."""
        known = self if self.point is not None else other
        made = Place(
            known.latitude,
            known.longitude,
            self.country or other.country,
            self.continent or other.continent,
            self.how,
            radius=known.radius,
            doubt=known.doubt,
        )
        parts = (made.point, made.country, made.continent)
        if parts == (self.point, self.country, self.continent):
            return self
        return replace(made, how=f"{self.how} + {other.how}")


class Located(NamedTuple):
    """The place of an address, None where nothing places it.

    `length` counts the bits, in the family of the question, of the network around the address
    inside which every address gets this same place; it is exact for unplaced addresses too.
    """

    place: Place | None
    length: int
