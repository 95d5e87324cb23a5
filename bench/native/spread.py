"""Figures from several repetitions: the machine is shared, so each keeps its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TypedDict


class Spread(TypedDict):
    """The least, the middle and the most of some repetitions."""

    min: float
    median: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value; four significant digits are more than the machine repeats."""
    ordered = (min(values), statistics.median(values), max(values))
    minimum, middle, maximum = (float(f"{value:.4g}") for value in ordered)
    return {"min": minimum, "median": middle, "max": maximum}


def ratios(values: Sequence[float], bases: Sequence[float]) -> Spread:
    """Of each value to the base of its own round, so that slow drift divides out."""
    return spread([value / base for value, base in zip(values, bases, strict=True)])
