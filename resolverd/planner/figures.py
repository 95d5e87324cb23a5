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
    gpus: int,
    tensor_parallel: int = 1,
) -> Figures:
    """The figures of these regions for these users.

    `reach` is from each group to each of `sites`; `prices` are other lists by name; `gpus` are to
    be shared out by traffic in groups of `tensor_parallel`. Raises ValueError if they are too few.
    """
    names = [site.name for site in sites]
    closed = {site.name for site in sites if not site.serves}
    served = assignment.serve(groups, reach, names, closed)
    shares = assignment.shares(groups, served, names)
    sized = by_share(shares, gpus, tensor_parallel) if gpus else {}
    return Figures(
        [_region(site, shares[site.name], prices, sized.get(site.name)) for site in sites],
        served,
        assignment.mean(groups, served),
        assignment.percentile(groups, served, 0.5),
        assignment.percentile(groups, served, 0.95),
        assignment.percentile(groups, served, 1.0),
        sum(g.share for g, s in zip(groups, served, strict=True) if s.region is None),
        _budgets(groups, reach, served, names, closed),
    )


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
    groups: Sequence[Group],
    reach: Sequence[Reach],
    served: list[Served],
    names: Sequence[str],
    closed: set[str],
) -> list[BudgetFigures]:
    after = {
        name: assignment.serve(groups, reach, names, {*closed, name})
        for name in names
        if name not in closed
    }
    return [
        BudgetFigures(
            budget,
            within(groups, served, budget),
            {name: lost(groups, served, other, budget) for name, other in after.items()},
        )
        for budget in BUDGETS
    ]
