"""Estimate the field from what landmarks measured: priors, weights, and whom not to believe.

Kriging, one region at a time: measured = base + slope × way + a field that is alike in places that
are near (`field`) + noise, base and slope with a prior of their own. Some paths are long for
a reason that no neighbour shares: a sample that its neighbours contradict by more than `CUT`
standard deviations is moved towards what they say, as if a shift of unknown size had been added
to it (the mean-shift model of outliers, with an L1 penalty; the same as Huber's loss).

Variances and lengths are constants: a fleet has too few edges to learn them from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import exp, sqrt
from typing import Final

from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.cables import BASE_MS, SLOPE, geography
from resolverd.rtt.field import Field, Origin, Scale
from resolverd.rtt.landmark_clusters import clustered
from resolverd.rtt.samples import Landmark, Samples
from resolverd.rtt.spd import Matrix, PartInverse, Vector, dot, inverse

SCALES: Final = (Scale(16.0, 25.0), Scale(64.0, 600.0), Scale(400.0, 2500.0))
COUNTRY_VARIANCE: Final = 64.0
NOISE_VARIANCE: Final = 6.0
DOUBT_VARIANCE: Final = 24.0
"""ms² of a sample that is believed half, above the noise; more the less it is believed."""

BASE_DEVIATION: Final = 30.0
SLOPE_DEVIATION: Final = 0.005
CUT: Final = 2.5

HERE_KM: Final = 30.0
HERE_MS: Final = 1.0
"""What it is taken for to a region in the same city."""

_SWEEPS = 8
_SETTLED_MS = 0.01


def field_of(samples: Samples, regions: Mapping[str, Coordinates]) -> Field:
    """The field of these regions, in their order; of geography alone where nothing was measured."""
    return Kriging(clustered(samples.landmarks), samples.regions, regions).field()


class Kriging:
    """What these landmarks measured, ready for the field of all, or of all but some.

    `names` are those that their samples speak of by index.
    """

    def __init__(
        self,
        landmarks: Sequence[Landmark],
        names: Sequence[str],
        regions: Mapping[str, Coordinates],
    ) -> None:
        self._landmarks = landmarks
        self._prior = geography(tuple(regions.values()))
        indices = {name: index for index, name in enumerate(names)}
        self._times = [
            _times_to(landmarks, indices.get(name, -1), point) for name, point in regions.items()
        ]
        self._covariance = _covariance(landmarks)
        self._inverted = inverse(self._covariance)
        self._ways = [
            self._prior.ways(m.point, [great_circle_km(m.point, at) for at in self._prior.regions])
            for m in landmarks
        ]

    def field(self, left_out: Collection[int] = ()) -> Field:
        """The field without the landmarks of these indices."""
        left = [index for index in range(len(self._landmarks)) if index not in left_out]
        if not left:
            return self._prior
        bases, slopes = list(self._prior.bases), list(self._prior.slopes)
        columns = []
        for region, measured in enumerate(self._times):
            weights = dict.fromkeys(left, 0.0)
            there = [index for index in left if index in measured]
            if there:
                ways = [self._ways[index][region] for index in there]
                among = PartInverse(self._covariance, self._inverted, there)
                alpha = _solved(among, ways, [measured[i] for i in there])
                bases[region] += BASE_DEVIATION**2 * sum(alpha)
                slopes[region] += SLOPE_DEVIATION**2 * dot(ways, alpha)
                weights.update(zip(there, alpha, strict=True))
            columns.append([weights[index] for index in left])
        return self._prior._replace(
            bases=tuple(bases),
            slopes=tuple(slopes),
            scales=SCALES,
            country_variance=COUNTRY_VARIANCE,
            origins=tuple(
                Origin(self._landmarks[index].point, self._landmarks[index].country, weights)
                for index, weights in zip(left, zip(*columns, strict=True), strict=True)
            ),
        )


def _covariance(landmarks: Sequence[Landmark]) -> Matrix:
    """How alike what any two of them measure is, in ms², with each one's noise."""
    size = range(len(landmarks))
    half = [[_likeness(landmarks[i], landmarks[j]) for j in range(i + 1)] for i in size]
    rows = [[half[max(i, j)][min(i, j)] for j in size] for i in size]
    for index, mark in enumerate(landmarks):
        believed = max(0.01, sum(s.confidence for s in mark.row) / max(1, len(mark.row)))
        rows[index][index] += NOISE_VARIANCE + DOUBT_VARIANCE * (1.0 / believed - 1.0)
    return rows


def _likeness(a: Landmark, b: Landmark) -> float:
    km = great_circle_km(a.point, b.point)
    likeness = sum(scale.variance * exp(-km / scale.length) for scale in SCALES)
    return likeness + COUNTRY_VARIANCE * bool(a.country and a.country == b.country)


def _times_to(landmarks: Sequence[Landmark], region: int, point: Coordinates) -> dict[int, float]:
    """Milliseconds to a region, which stands at `point`, by the index of the landmark.

    Who stands there is near it, measured or not.
    """
    measured = {
        index: sample.ms
        for index, mark in enumerate(landmarks)
        for sample in mark.row
        if sample.region == region and sample.confidence > 0
    }
    beside = {
        index: HERE_MS
        for index, mark in enumerate(landmarks)
        if mark.row and great_circle_km(mark.point, point) < HERE_KM
    }
    return dict(sorted((beside | measured).items()))


def _solved(inverted: PartInverse, ways: Vector, measured: Vector) -> Vector:
    """Each landmark's weight for one region."""
    inverted.add([1.0] * len(ways), BASE_DEVIATION**2)
    inverted.add(ways, SLOPE_DEVIATION**2)
    alpha = inverted.times(
        [ms - BASE_MS - SLOPE * way for ms, way in zip(measured, ways, strict=True)]
    )
    shifts = [0.0] * len(ways)
    rows: dict[int, Vector] = {}  # of samples that were moved
    for _ in range(_SWEEPS):
        most = 0.0
        for i, pivot in enumerate(inverted.diagonal):
            # What the others say differs by so much, and by so much it may.
            contradiction = shifts[i] + alpha[i] / pivot
            allowed = CUT / sqrt(pivot)
            shift = 0.0
            if abs(contradiction) > allowed:
                shift = contradiction - (allowed if contradiction > 0 else -allowed)
            change = shift - shifts[i]
            if abs(change) > _SETTLED_MS / 100:
                shifts[i] = shift
                if i not in rows:
                    rows[i] = inverted.row(i)
                alpha = [a - change * q for a, q in zip(alpha, rows[i], strict=True)]
                most = max(most, abs(change))
        if most < _SETTLED_MS:
            break
    return alpha
