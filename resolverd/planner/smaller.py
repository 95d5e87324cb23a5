"""What a smaller or quantised model in the minor regions would save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import NamedTuple

from resolverd.planner.figures import RegionFigures

BITS = 16
"""Bits of a weight as models are published (FP16, BF16)."""


class Smaller(NamedTuple):
    """A region with a model of fewer bits: GPUs now and then, US dollars a month saved."""

    region: str
    gpus: int
    needed: int
    saved: float


def smaller(regions: Sequence[RegionFigures], *, bits: int, below: float) -> list[Smaller]:
    """Regions with less than the share `below` of the traffic, each with weights of `bits` bits.

    GPUs are held to be needed for the weights, which is what makes a group of several GPUs: so in
    proportion to the bits, and one at least.
    """
    found = []
    for region in regions:
        gpus = region.site.gpus
        needed = max(1, ceil(gpus.count * bits / BITS))
        if region.share < below and needed < gpus.count:
            saved = gpus.monthly - replace(gpus, count=needed).monthly
            found.append(Smaller(region.site.name, gpus.count, needed, saved))
    return found
