"""How many requests arrive from where: rates in steps of ten seconds, for ninety minutes.

    python -m bench.spill.trace        writes bench/spill/trace.csv anew, which is the same again

The shape is made up, for want of a published trace that tells where clients are. It has what
those that tell when requests come are known for (BurstGPT, arXiv 2401.17644): a slow wave, a rate
that varies from step to step as Gamma variates do, and phases of many requests that build up
within minutes and last. Rates are parts of what one region can bear, so that the trace says
nothing of how large regions are.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path
from typing import NamedTuple

PATH = Path(__file__).with_name("trace.csv")
STEP = 10.0
STEPS = 540
SEED = 5
# The standard deviation of a step's rate, as a part of its mean.
VARIATION = 0.15


class Burst(NamedTuple):
    """From `begins`, a rise over `rise` seconds by `height`, held for `lasts`, and a fall alike."""

    begins: float
    rise: float
    lasts: float
    height: float

    def at(self, seconds: float) -> float:
        """What it adds at this time."""
        into = min(seconds - self.begins, self.begins + 2 * self.rise + self.lasts - seconds)
        return self.height * max(0.0, min(1.0, into / self.rise))


class Home(NamedTuple):
    """The clients who live near one region: their rate on an average day, and their bursts."""

    region: str
    mean: float
    bursts: tuple[Burst, ...] = ()

    def at(self, seconds: float) -> float:
        """The rate without noise."""
        wave = 1 + 0.1 * math.sin(2 * math.pi * seconds / (STEP * STEPS))
        return self.mean * wave + sum(burst.at(seconds) for burst in self.bursts)


HOMES = (
    Home("near", 0.55, (Burst(1_200, 300, 600, 0.55), Burst(3_900, 180, 240, 0.50))),
    Home("middle", 0.35),
    Home("far", 0.30),
)
REGIONS = tuple(home.region for home in HOMES)
# The same bursts, all at once.
SUDDEN = tuple(
    home._replace(bursts=tuple(burst._replace(rise=STEP) for burst in home.bursts))
    for home in HOMES
)


def generated(homes: tuple[Home, ...] = HOMES, seed: int = SEED) -> list[tuple[float, ...]]:
    """One row for each step: the rates of the homes, as parts of a region's capacity."""
    dice = random.Random(seed)
    shape = VARIATION**-2
    return [
        tuple(
            round(home.at(step * STEP) * dice.gammavariate(shape, 1 / shape), 3) for home in homes
        )
        for step in range(STEPS)
    ]


def read() -> list[tuple[float, ...]]:
    """The trace as it was committed."""
    with PATH.open(newline="") as file:
        return [tuple(float(row[region]) for region in REGIONS) for row in csv.DictReader(file)]


def main() -> int:
    """Write it."""
    with PATH.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("seconds", *REGIONS))
        for step, rates in enumerate(generated()):
            writer.writerow((round(step * STEP), *rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
