"""All that `resolverd plan` shows, from regions and users: one immutable value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from resolverd.planner import assignment
from resolverd.planner.assignment import Reach, Served
from resolverd.planner.budgets import BUDGETS, Budget, lost, within
from resolverd.planner.cost import priced, total
from resolverd.planner.sizing import by_share
from resolverd.planner.users import Group
from resolverd.planner.world import Site


class RegionFigures(NamedTuple):
    """One region: its share of traffic, what it costs, and how many GPUs its share would be given.

    Costs are in US dollars a month; by other price lists None where the GPU model is not on them.
    """

    site: Site
    share: float
    monthly: float
    others: dict[str, float | None]
    sized: int | None
    sized_monthly: float | None


class BudgetFigures(NamedTuple):
    """The share of users within a budget, and the share that loses it when each region dies."""

    budget: Budget
    within: float
    lost: dict[str, float]


class Figures(NamedTuple):
    """What is so with these regions. Money in US dollars a month, times in ms."""

    regions: list[RegionFigures]
    served: list[Served]
    mean: float
    p50: float
    p95: float
    worst: float
    unserved: float
    budgets: list[BudgetFigures]

    @property
    def monthly(self) -> float:
        """What all regions cost."""
        return sum(region.monthly for region in self.regions)

    def other(self, name: str) -> float | None:
        """What they cost by the price list of this name; None where it lacks a model."""
        return total(region.others[name] for region in self.regions)


def figures(
    sites: Sequence[Site],
    groups: Sequence[Group],
    reach: Sequence[Reach],
    *,
    prices: Mapping[str, Mapping[str, float]],
    gpus: int | None = None,
    tensor_parallel: int = 1,
) -> Figures:
    """The figures of these regions for these users.

    `reach` is from each group to each of `sites`; `prices` are other lists by name; `gpus` (None
    for those there are) are to be shared out by traffic in groups of `tensor_parallel`. Raises
    ValueError if they are too few.
    """
    names = [site.name for site in sites]
    closed = {site.name for site in sites if not site.serves}
    two = assignment.serve_two(groups, reach, names, closed)
    served = [now for now, _ in two]
    shares = assignment.shares(groups, served, names)
    sized = _sized(shares, sites, gpus, tensor_parallel)
    return Figures(
        [_region(site, shares[site.name], prices, sized.get(site.name)) for site in sites],
        served,
        assignment.mean(groups, served),
        assignment.percentile(groups, served, 0.5),
        assignment.percentile(groups, served, 0.95),
        assignment.percentile(groups, served, 1.0),
        sum(g.share for g, s in zip(groups, served, strict=True) if s.region is None),
        _budgets(groups, two, sites),
    )


def _sized(
    shares: Mapping[str, float], sites: Sequence[Site], gpus: int | None, group: int
) -> Mapping[str, int]:
    """GPUs by traffic; nothing where it was not asked and there is no GPU for every region."""
    there = sum(site.gpus.count for site in sites)
    if gpus is None and group == 1 and there < sum(share > 0 for share in shares.values()):
        return {}
    return by_share(shares, there if gpus is None else gpus, group)


def _region(
    site: Site, share: float, prices: Mapping[str, Mapping[str, float]], sized: int | None
) -> RegionFigures:
    return RegionFigures(
        site,
        share,
        site.gpus.monthly,
        {name: priced(site.gpus, listed) for name, listed in prices.items()},
        sized,
        None if sized is None else replace(site.gpus, count=sized).monthly,
    )


def _budgets(
    groups: Sequence[Group], two: Sequence[tuple[Served, Served]], sites: Sequence[Site]
) -> list[BudgetFigures]:
    names = [site.name for site in sites]
    open_now = {site.name for site in sites if site.serves}
    found = []
    for budget in BUDGETS:
        gone = lost(groups, two, names, budget)
        part = within(groups, [now for now, _ in two], budget)
        found.append(BudgetFigures(budget, part, {n: gone[n] for n in names if n in open_now}))
    return found
