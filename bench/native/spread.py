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


class SpreadOfMany(Spread):
    """And the quartiles."""

    middle_half: tuple[float, float]


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value; four significant digits are more than the machine repeats."""
    ordered = (min(values), statistics.median(values), max(values))
    minimum, middle, maximum = (float(f"{value:.4g}") for value in ordered)
    return {"min": minimum, "median": middle, "max": maximum}


def middle_half(values: Sequence[float]) -> tuple[float, float]:
    """The quartiles of at least two values, which a few outliers do not move."""
    low, _, high = statistics.quantiles(values, n=4)
    return float(f"{low:.4g}"), float(f"{high:.4g}")


def ratios(values: Sequence[float], bases: Sequence[float]) -> Spread:
    """Of each value to the base of its own round, so that slow drift divides out."""
    return spread([value / base for value, base in zip(values, bases, strict=True)])


def ratios_of_many(values: Sequence[float], bases: Sequence[float]) -> SpreadOfMany:
    """The same of many rounds, of which the least and the most say little."""
    each = [value / base for value, base in zip(values, bases, strict=True)]
    return {**spread(each), "middle_half": middle_half(each)}
