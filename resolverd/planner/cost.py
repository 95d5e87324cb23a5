"""What GPUs cost in a month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

HOURS_PER_MONTH = 720.0
"""A month is 30 days; prices are for an hour."""


@dataclass(frozen=True, slots=True)
class Gpus:
    """What a region has: GPUs of one model, the price of each (US dollars an hour).

    `open` is the part of the week in which it serves, 1 where it has no hours of service.
    """

    model: str
    count: int
    usd_per_hour: float
    open: float = 1.0

    @property
    def monthly(self) -> float:
        """US dollars a month when they run all the time."""
        return self.count * self.usd_per_hour * HOURS_PER_MONTH

    @property
    def saved(self) -> float:
        """US dollars a month less when they run in hours of service alone."""
        return self.monthly * (1 - self.open)


def priced(gpus: Gpus, prices: Mapping[str, float]) -> float | None:
    """US dollars a month by another list (GPU model → US dollars an hour); None if not on it."""
    price = prices.get(gpus.model) if gpus.count else 0.0
    return None if price is None else replace(gpus, usd_per_hour=price).monthly


def total(costs: Iterable[float | None]) -> float | None:
    """The sum; None where one of them is unknown."""
    known = list(costs)
    return None if None in known else sum(cost for cost in known if cost is not None)
