"""The fit as it is defined, with every inverse worked out whole: slow, and obvious."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt import fit
from resolverd.rtt.cables import BASE_MS, SLOPE, geography
from resolverd.rtt.samples import Landmark
from resolverd.rtt.spd import Matrix, Vector, dot, inverse, times

Weights = list[dict[int, float]]
"""By region, the weight of each landmark that measured it."""


def slow_fit(
    landmarks: Sequence[Landmark], regions: Mapping[str, Coordinates]
) -> tuple[Weights, Vector, Vector]:
    """Weights, bases and slopes of each region; samples speak of `regions` by index."""
    prior = geography(tuple(regions.values()))
    noise = fit.NOISE_VARIANCE, fit.DOUBT_VARIANCE
    weights: Weights = []
    bases, slopes = [], []
    for region in range(len(regions)):
        there = {
            index: sample.ms
            for index, mark in enumerate(landmarks)
            for sample in mark.row
            if sample.region == region
        }
        marks = [landmarks[index] for index in there]
        covariance = [[fit._likeness(a, b) for b in marks] for a in marks]
        ways = []
        for row, mark in enumerate(marks):
            believed = sum(sample.confidence for sample in mark.row) / len(mark.row)
            covariance[row][row] += noise[0] + noise[1] * (1.0 / believed - 1.0)
            away = [great_circle_km(mark.point, point) for point in regions.values()]
            ways.append(prior.ways(mark.point, away)[region])
        inverted = _with_direction(inverse(covariance), [1.0] * len(marks), 30.0**2)
        inverted = _with_direction(inverted, ways, 0.005**2)
        alpha = _huber(inverted, ways, list(there.values()))
        weights.append(dict(zip(there, alpha, strict=True)))
        bases.append(BASE_MS + 30.0**2 * sum(alpha))
        slopes.append(SLOPE + 0.005**2 * dot(ways, alpha))
    return weights, bases, slopes


def _with_direction(inverted: Matrix, direction: Vector, variance: float) -> Matrix:
    turned = times(inverted, direction)
    factor = variance / (1.0 + variance * dot(direction, turned))
    return [
        [a - factor * t * b for a, b in zip(row, turned, strict=True)]
        for row, t in zip(inverted, turned, strict=True)
    ]


def _huber(inverted: Matrix, ways: Vector, measured: Vector) -> Vector:
    alpha = times(
        inverted, [ms - BASE_MS - SLOPE * way for ms, way in zip(measured, ways, strict=True)]
    )
    shifts = [0.0] * len(ways)
    for _ in range(8):
        most = 0.0
        for i, row in enumerate(inverted):
            contradiction = shifts[i] + alpha[i] / row[i]
            allowed = 2.5 / sqrt(row[i])
            beyond = max(0.0, abs(contradiction) - allowed)
            shift = beyond if contradiction > 0 else -beyond
            change = shift - shifts[i]
            if abs(change) > 0.0001:
                shifts[i] = shift
                alpha = [a - change * q for a, q in zip(alpha, row, strict=True)]
                most = max(most, abs(change))
        if most < 0.01:
            break
    return alpha
