"""How long the field of 300 landmarks and 50 regions takes to estimate, by what was not measured.

``python -m bench.map.fit``. CPU seconds, the least of three. Landmarks and regions stand at random,
one path in ten is bad, and of each landmark a share of the regions is missing, others for each.
"""

from __future__ import annotations

import random
import sys
import time

from bench.report import show, write
from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.fit import field_of
from resolverd.rtt.landmark_clusters import MAX_LANDMARKS
from resolverd.rtt.samples import Landmark, Sample, Samples

REGIONS, RUNS = 50, 3
MISSING = (0.0, 0.03, 0.3)


def main() -> int:
    """Measure, print and write."""
    taken = {missing: min(_seconds(missing) for _ in range(RUNS)) for missing in MISSING}
    rows = [(f"{missing:.0%}", seconds) for missing, seconds in taken.items()]
    show("the fit", [("missing", "CPU seconds"), *rows])
    cpu_seconds = {f"{missing:g}": seconds for missing, seconds in taken.items()}
    write("map-fit", {"landmarks": MAX_LANDMARKS, "regions": REGIONS, "cpu_seconds": cpu_seconds})
    return 0


def _seconds(missing: float) -> float:
    chance = random.Random(3)
    regions = {f"r{number:02}": _point(chance) for number in range(REGIONS)}
    landmarks = [_landmark(_point(chance), regions, missing, chance) for _ in range(MAX_LANDMARKS)]
    samples = Samples(tuple(regions), tuple(landmarks))
    begun = time.process_time()
    field_of(samples, regions)
    return time.process_time() - begun


def _landmark(
    point: Coordinates, regions: dict[str, Coordinates], missing: float, chance: random.Random
) -> Landmark:
    row = []
    for index, region in enumerate(regions.values()):
        bad = chance.expovariate(1 / 60) if chance.random() < 0.1 else 0.0
        ms = 3.0 + 0.0135 * great_circle_km(point, region) + chance.expovariate(1 / 5) + bad
        if chance.random() >= missing:
            row.append(Sample(index, ms, chance.uniform(0.3, 0.95)))
    return Landmark(point, chance.choice(("DE", "US", "JP", "")), tuple(row))


def _point(chance: random.Random) -> Coordinates:
    return chance.uniform(-45, 65), chance.uniform(-180, 180)


if __name__ == "__main__":
    sys.exit(main())
