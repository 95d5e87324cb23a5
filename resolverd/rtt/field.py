"""The round-trip time that is expected between a place and each region: a field over the globe.

    expected(place, region) = base + slope × km + Σ over landmarks (weight × likeness)
    likeness(place, landmark) = Σ over scales (variance × exp(-km / length))
                                + country_variance, where both are in one country

and never less than light takes in fibre. Base and slope are each region's own prior, estimated
from what was measured; weights are the solution of the landmarks' equations (`fit`). The native
map computes the same to the last bit (`native/src/geo/field.rs`): the same operations in the same
order.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

from resolverd.geo.distance import Coordinates, great_circle_km

FIBRE_MS_PER_KM = 0.01
"""Light in fibre covers some 200 km in a millisecond, and a round trip goes twice."""

USUAL_MS_PER_KM = 1.5 * FIBRE_MS_PER_KM
"""What a kilometre takes as a rule: a fibre is half again as long as the way."""


class Scale(NamedTuple):
    """How alike the paths of two places are: `variance` in ms², falling off over `length` km."""

    variance: float
    length: float


class Origin(NamedTuple):
    """One landmark as the field needs it; `weights` has one number for each region."""

    point: Coordinates
    country: str
    weights: tuple[float, ...]


class Field(NamedTuple):
    """Expected round-trip times to `regions`, whose coordinates these are, in their order.

    `bases` are in ms, `slopes` in ms per km; one of each a region.
    """

    regions: tuple[Coordinates, ...]
    bases: tuple[float, ...]
    slopes: tuple[float, ...]
    scales: tuple[Scale, ...] = ()
    country_variance: float = 0.0
    origins: tuple[Origin, ...] = ()

    def expected(self, point: Coordinates, country: str | None) -> list[float]:
        """Milliseconds from `point` to each region."""
        distances = [great_circle_km(point, region) for region in self.regions]
        times = [
            base + slope * km
            for base, slope, km in zip(self.bases, self.slopes, distances, strict=True)
        ]
        for origin in self.origins:
            likeness = self._likeness(point, country, origin)
            for index, weight in enumerate(origin.weights):
                times[index] += weight * likeness
        return [max(ms, FIBRE_MS_PER_KM * km) for ms, km in zip(times, distances, strict=True)]

    def _likeness(self, point: Coordinates, country: str | None, origin: Origin) -> float:
        km = great_circle_km(point, origin.point)
        likeness = 0.0
        for variance, length in self.scales:
            likeness += variance * exp(-km / length)
        if country and country == origin.country:
            likeness += self.country_variance
        return likeness


def geography(regions: tuple[Coordinates, ...]) -> Field:
    """The field where nothing was measured: 2 ms, and a fibre half again as long as the way."""
    count = len(regions)
    return Field(regions, (2.0,) * count, (USUAL_MS_PER_KM,) * count)
