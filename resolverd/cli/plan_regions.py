"""What both pictures of a plan show of its regions: users in bands of their time, and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from resolverd.planner.budgets import limits
from resolverd.planner.figures import Figures
from resolverd.planner.users import Group

STEPS = tuple(limit.ms for limit in limits() if limit.ms is not None)
"""Milliseconds at which one band ends and the next begins; the last has no end."""


class RegionRow(NamedTuple):
    """A region: its share of users in each band, and US dollars a month."""

    name: str
    bands: Sequence[float]
    usd: float


def rows_of(groups: Sequence[Group], figures: Figures, most: int) -> list[RegionRow]:
    """The regions with most users, `most` of them; all others as one; users without any."""
    bands = _bands(groups, figures)
    rows = [
        RegionRow(one.site.name, bands[n], one.monthly) for n, one in enumerate(figures.regions)
    ]
    rows.sort(key=lambda row: (-sum(row.bands), row.name))
    rows, rest = rows[:most], rows[most:]
    if rest:
        summed = [sum(row.bands[band] for row in rest) for band in range(len(STEPS) + 1)]
        rows.append(RegionRow(f"{len(rest)} more", summed, sum(row.usd for row in rest)))
    if figures.unserved:
        rows.append(RegionRow("no region", [*(0.0 for _ in STEPS), figures.unserved], 0.0))
    return rows


def _bands(groups: Sequence[Group], figures: Figures) -> list[list[float]]:
    found = [[0.0] * (len(STEPS) + 1) for _ in figures.regions]
    for group, served in zip(groups, figures.served, strict=True):
        if served.region is not None:
            found[served.region][sum(served.ms > step for step in STEPS)] += group.share
    return found
