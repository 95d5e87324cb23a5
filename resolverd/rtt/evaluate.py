"""Replay a matrix of measured times: what each policy would have cost the people of each city.

Every city asks once, and what was measured there is left out of the knowledge. The excess is the
time to the region that a policy chooses, less that to the region that would have been best.
Regions measure one another, as edges do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import ceil
from typing import Final, NamedTuple

from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.blend import blended
from resolverd.rtt.fit import Kriging
from resolverd.rtt.gathered import DOUBT
from resolverd.rtt.matrix import City, Matrix
from resolverd.rtt.merge import MAX_LANDMARKS
from resolverd.rtt.samples import Landmark, Row, Sample, believed
from resolverd.rtt.table import UNCOUNTED

POLICIES: Final = {
    "nearest": "great circle",
    "inverse-distance": "the three nearest edges, by inverse distance",
    "latency": "what edges measured",
    "own-network": "latency, and the client's own network was measured",
}
NEIGHBOURS: Final = 3
MEASUREMENTS: Final = 25
"""Of how many measurements the client's own network is known, for `own-network`."""

CLOSE_MS: Final = 2.0

SAME_KM: Final = 2.0
"""A landmark within so many km of a city stands in it, and is left out where that city asks."""

_CONFIDENCE = UNCOUNTED / (UNCOUNTED + DOUBT)


class Summary(NamedTuple):
    """The excess over the best region in ms, over all cities; `close` is the share within 2 ms."""

    mean: float
    p95: float
    p99: float
    worst: float
    close: float


class Draw(NamedTuple):
    """One draw: its number from 0, how many edges, and the excess of each city by policy and id."""

    number: int
    edges: int
    excess: Mapping[str, Mapping[str, float]]

    def summary(self, policy: str) -> Summary:
        """Over all cities."""
        return summarise(list(self.excess[policy].values()))


def summarise(excess: Sequence[float]) -> Summary:
    """Mean, quantiles (nearest rank), the worst, and the share within `CLOSE_MS`."""
    ranked = sorted(excess)
    count = len(ranked)
    return Summary(
        sum(ranked) / count,
        ranked[ceil(0.95 * count) - 1],
        ranked[ceil(0.99 * count) - 1],
        ranked[-1],
        sum(ms <= CLOSE_MS for ms in ranked) / count,
    )


class Knowledge(NamedTuple):
    """What is known beforehand: landmarks and countries, with samples of `regions` by index."""

    regions: Mapping[str, Coordinates]
    landmarks: Sequence[Landmark]
    countries: Mapping[str, Row]


def knowledge_of(matrix: Matrix, regions: Mapping[str, str]) -> Knowledge:
    """What an edge in each city of a matrix would know; `regions` are the ids of cities by name."""
    landmarks = []
    for city in matrix.cities.values():
        times = [(n, matrix.time(city.id, id_)) for n, id_ in enumerate(regions.values())]
        row = tuple(Sample(n, ms, _CONFIDENCE) for n, ms in times if ms is not None and ms > 0)
        if row:
            landmarks.append(Landmark(city.point, city.country, row))
    points = {name: matrix.cities[id_].point for name, id_ in regions.items()}
    return Knowledge(points, landmarks, {})


class Replay:
    """A matrix is what is true, `regions` are the ids of its cities that have one, by name.

    `times` are of each city to the regions; one that was not measured to all is left out.
    """

    def __init__(self, matrix: Matrix, regions: Mapping[str, str], knowledge: Knowledge) -> None:
        self._cities, self._knowledge = matrix.cities, knowledge
        self._ids, self._points = tuple(regions.values()), list(knowledge.regions.values())
        self.times: dict[str, list[float]] = {}
        for city in matrix.cities:
            row = [0.0 if id_ == city else matrix.time(city, id_) for id_ in self._ids]
            known = [ms for ms in row if ms is not None]
            if len(known) == len(row):
                self.times[city] = known

    def city(self, id_: str) -> City:
        """A city of the matrix."""
        return self._cities[id_]

    def draws(
        self,
        count: int | None,
        draws: int,
        seed: int,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Iterator[Draw]:
        """Each draw of `count` edges, or one of all that are known where `count` is None.

        Of more than `MAX_LANDMARKS` so many are drawn, as the fit would join what is left.
        `progress` is told how many cities of how many have asked.
        """
        pool = range(len(self._knowledge.landmarks))
        if len(pool) > MAX_LANDMARKS:
            count = min(count or MAX_LANDMARKS, MAX_LANDMARKS)
        number = 1 if count is None else draws
        for index in range(number):
            edges = list(pool)
            if count is not None:
                edges = random.Random(seed + index).sample(edges, min(count, len(edges)))
            before, whole = index * len(self.times), number * len(self.times)
            excess = self._excess(edges, partial(_add, progress, before, whole))
            yield Draw(index, len(edges), excess)

    def _excess(
        self, edges: Sequence[int], progress: Callable[[int], None]
    ) -> dict[str, dict[str, float]]:
        """The excess of each city, by policy and id."""
        marks = self._knowledge.landmarks
        at_regions = [i for i, mark in enumerate(marks) if _stands_at(mark, self._points)]
        knowing = [marks[index] for index in sorted({*edges, *at_regions})]
        kriging = Kriging(knowing, list(self._knowledge.regions), self._knowledge.regions)
        of_all = kriging.field()
        excess: dict[str, dict[str, float]] = {policy: {} for policy in POLICIES}
        for done, (id_, times) in enumerate(self.times.items(), 1):
            asked = self._cities[id_]
            there = [i for i, mark in enumerate(knowing) if _stands_at(mark, [asked.point])]
            field = kriging.field(there) if there else of_all
            expected = blended(
                field.expected(asked.point, asked.country),
                believed(self._knowledge.countries.get(asked.country, ())),
            )
            distances = [great_circle_km(asked.point, at) for at in self._points]
            choices = {
                "nearest": distances,
                "inverse-distance": _inverse_distance(asked, knowing, len(times)) or distances,
                "latency": expected,
                "own-network": blended(list(expected), believed(_own(times))),
            }
            for policy, cost in choices.items():
                excess[policy][id_] = times[cost.index(min(cost))] - min(times)
            progress(done)
        return excess


def _add(progress: Callable[[int, int], None], before: int, whole: int, done: int) -> None:
    progress(before + done, whole)


def _stands_at(mark: Landmark, points: Iterable[Coordinates]) -> bool:
    return any(great_circle_km(mark.point, point) < SAME_KM for point in points)


def _inverse_distance(asked: City, knowing: Sequence[Landmark], regions: int) -> list[float]:
    """The mean of the nearest landmarks, by region; empty without any.

    A landmark that did not measure a region is taken to stand in it.
    """
    near = sorted(
        (great_circle_km(asked.point, mark.point), index) for index, mark in enumerate(knowing)
    )
    near = [(km, index) for km, index in near if km >= SAME_KM][:NEIGHBOURS]
    means = [0.0] * regions
    for km, index in near:
        for sample in knowing[index].row:
            means[sample.region] += sample.ms / (km + 1.0)
    return means if near else []


def _own(times: Sequence[float]) -> Row:
    """What is known where the client's own network was measured."""
    confidence = MEASUREMENTS / (MEASUREMENTS + DOUBT)
    return tuple(Sample(region, ms, confidence) for region, ms in enumerate(times))
