"""The round-trip time that is expected between a place and each region: a field over the globe.

    expected(place, region) = base + slope × way + Σ over landmarks (weight × likeness)
    way(place, region)      = the least over the three nearest hubs (1.3 × km to the hub
                              + the hub's way to the region); see `cables`
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

ENTRIES = 3
"""How many hubs, the nearest ones, a place's packets may enter the cables at."""

DETOUR, NEAR_DETOUR, FAR_DETOUR = 1.3, 1.4, 1.05
"""Way over great circle: to a hub; at most, within `NEAR_KM` of a region; at least, beyond."""

NEAR_KM = 1500.0


class Scale(NamedTuple):
    """How alike the paths of two places are: `variance` in ms², falling off over `length` km."""

    variance: float
    length: float


class Origin(NamedTuple):
    """One landmark as the field needs it; `weights` has one number for each region."""

    point: Coordinates
    country: str
    weights: tuple[float, ...]


class Hub(NamedTuple):
    """Where cables meet, and the `ways` (km) from there to each region."""

    point: Coordinates
    ways: tuple[float, ...]


class Field(NamedTuple):
    """Expected round-trip times to `regions`, whose coordinates these are, in their order.

    `bases` are in ms, `slopes` in ms per km; one of each a region. Without `hubs` a way is the
    great circle.
    """

    regions: tuple[Coordinates, ...]
    bases: tuple[float, ...]
    slopes: tuple[float, ...]
    hubs: tuple[Hub, ...] = ()
    scales: tuple[Scale, ...] = ()
    country_variance: float = 0.0
    origins: tuple[Origin, ...] = ()

    def expected(self, point: Coordinates, country: str | None) -> list[float]:
        """Milliseconds from `point` to each region."""
        distances = [great_circle_km(point, region) for region in self.regions]
        ways = self.ways(point, distances)
        times = [
            base + slope * way
            for base, slope, way in zip(self.bases, self.slopes, ways, strict=True)
        ]
        for origin in self.origins:
            likeness = self._likeness(point, country, origin)
            for index, weight in enumerate(origin.weights):
                times[index] += weight * likeness
        return [max(ms, FIBRE_MS_PER_KM * km) for ms, km in zip(times, distances, strict=True)]

    def ways(self, point: Coordinates, distances: list[float]) -> list[float]:
        """Kilometres that packets go from `point` to each region, at these great-circle distances.

        By the hubs; but never much less than straight ahead, and on land not much more.
        """
        if not self.hubs:
            return distances
        near = sorted((great_circle_km(point, hub.point), n) for n, hub in enumerate(self.hubs))
        ways = []
        for region, km in enumerate(distances):
            way = min(DETOUR * to_hub + self.hubs[n].ways[region] for to_hub, n in near[:ENTRIES])
            ways.append(min(way, NEAR_DETOUR * km) if km < NEAR_KM else max(way, FAR_DETOUR * km))
        return ways

    def _likeness(self, point: Coordinates, country: str | None, origin: Origin) -> float:
        km = great_circle_km(point, origin.point)
        likeness = 0.0
        for variance, length in self.scales:
            likeness += variance * exp(-km / length)
        if country and country == origin.country:
            likeness += self.country_variance
        return likeness
