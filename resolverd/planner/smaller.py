"""What a smaller or quantised model in the minor regions would save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from resolverd.planner.figures import RegionFigures

BITS = 16
"""Bits of a weight as models are published (FP16, BF16)."""


class Smaller(NamedTuple):
    """A region with a model of fewer bits or parameters: GPUs now and then, what that saves.

    The latter in US dollars a month.
    """

    region: str
    gpus: int
    needed: int
    saved: float


class Lighter(NamedTuple):
    """A model in place of the present one: bits of its weights, its parameters as a part of its."""

    bits: int = 4
    size: float = 1.0

    @property
    def part(self) -> float:
        """What memory its weights need, as a part of what they need now."""
        return self.bits / BITS * self.size


def smaller(
    regions: Sequence[RegionFigures], model: Lighter, *, below: float, group: int | None = None
) -> list[Smaller]:
    """Regions that serve, with less than the share `below` of the traffic, each with `model`.

    It is for their weights that models are split over GPUs: each tensor-parallel group of `group`
    GPUs (None for all of a region) needs fewer in proportion, one at least, and a divisor of
    `group`, by which attention heads can still be split. There are as many groups as before.
    """
    found = []
    for region in regions:
        gpus = region.site.gpus
        needed = _needed(gpus.count, min(group or gpus.count, gpus.count), model.part)
        if region.site.serves and region.share < below and needed < gpus.count:
            saved = gpus.monthly - replace(gpus, count=needed).monthly
            found.append(Smaller(region.site.name, gpus.count, needed, saved))
    return found


def _needed(count: int, group: int, part: float) -> int:
    if not count:
        return 0
    least = min(1, part) * group - 1e-9
    enough = next(n for n in range(1, group + 1) if not group % n and n >= least)
    return count // group * enough + count % group
