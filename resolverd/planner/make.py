"""From a configuration, traffic and wishes to a plan: what is, what would be, what to add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from resolverd.planner.assignment import Reach, Served
from resolverd.planner.budgets import Budget
from resolverd.planner.candidates import Candidate, Gain, gains
from resolverd.planner.fewest import Fewest, fewest
from resolverd.planner.figures import Figures, figures
from resolverd.planner.smaller import Lighter, Smaller, smaller
from resolverd.planner.users import Group
from resolverd.planner.world import Site

Reacher = Callable[[Sequence[Site]], list[Reach]]
"""From sites to how far they are from each group of users."""


class Wishes(NamedTuple):
    """What is asked of a plan.

    `gpus` (None for all there are) are to be shared out by traffic, in groups of `tensor_parallel`
    (None for one a GPU, as it is not said); `without` and `added` are the regions of the change
    that is tried; of a minor region, with less than the share `minor`, it is said what a `lighter`
    model would save; `keep` is the share of users to keep within `budget` by the fewest regions, 0
    where that is not asked.
    """

    gpus: int | None
    tensor_parallel: int | None
    prices: Mapping[str, Mapping[str, float]]
    without: frozenset[str]
    added: Sequence[Site]
    candidates: Sequence[Site]
    minor: float
    lighter: Lighter
    keep: float
    budget: Budget


class Keeping(NamedTuple):
    """The fewest regions that keep a share of users within a budget: by name, of how many."""

    regions: list[str]
    possible: int
    found: Fewest


class Plan(NamedTuple):
    """The figures now, and with the change where one is tried; the rest is of the latter."""

    now: Figures
    changed: Figures | None
    smaller: list[Smaller]
    gains: list[Gain]
    keeping: Keeping | None

    @property
    def then(self) -> Figures:
        """The figures that what follows is of: with the change, where one is tried."""
        return self.changed or self.now


def make(sites: Sequence[Site], groups: Sequence[Group], reacher: Reacher, wishes: Wishes) -> Plan:
    """The plan; no two of all these regions have one name.

    Raises ValueError where the GPUs are too few for the regions with traffic.
    """

    def of(numbers: Sequence[int]) -> Figures:
        return figures(
            [every[number] for number in numbers],
            fenced,
            _columns(reach, numbers),
            prices=wishes.prices,
            gpus=wishes.gpus,
            tensor_parallel=wishes.tensor_parallel or 1,
        )

    every = [*sites, *wishes.added, *wishes.candidates]
    fenced = _fenced(groups, wishes.added)
    reach = reacher(every)
    now = of(range(len(sites)))
    first = len(sites) + len(wishes.added)
    left = [number for number in range(first) if every[number].name not in wishes.without]
    changed = of(left) if wishes.without or wishes.added else None
    then = changed or now
    return Plan(
        now,
        changed,
        smaller(then.regions, wishes.lighter, below=wishes.minor, group=wishes.tensor_parallel),
        _gains(fenced, then.served, reach, every, first),
        _keeping(fenced, reach, every, [*left, *range(first, len(every))], wishes),
    )


def _fenced(groups: Sequence[Group], added: Sequence[Site]) -> list[Group]:
    """Groups whose fences have the added regions too that would be in their pins."""
    found = []
    for group in groups:
        fence = group.fence
        if fence is not None:
            fence |= {site.name for site in added if not fence.isdisjoint(site.pins_of)}
        found.append(group._replace(fence=fence))
    return found


def _gains(
    groups: Sequence[Group],
    served: Sequence[Served],
    reach: Sequence[Reach],
    every: Sequence[Site],
    first: int,
) -> list[Gain]:
    candidates = [
        Candidate(site.name, site.gpus.count, site.gpus.monthly, site.pins_of)
        for site in every[first:]
    ]
    return gains(groups, served, _columns(reach, range(first, len(every))), candidates)


def _keeping(
    groups: Sequence[Group],
    reach: Sequence[Reach],
    every: Sequence[Site],
    possible: Sequence[int],
    wishes: Wishes,
) -> Keeping | None:
    """The fewest of all regions, those there are and those that could be, while they serve."""
    if not wishes.keep:
        return None
    limit = float("inf") if wishes.budget.ms is None else wishes.budget.ms
    numbers = [number for number in possible if every[number].serves]
    covers = []
    for group, row in zip(groups, reach, strict=True):
        bits = 0
        for bit, number in enumerate(numbers):
            if _stands_in(group.fence, every[number]) and row.times[number] <= limit:
                bits |= 1 << bit
        covers.append((bits, group.share))
    found = fewest(covers, len(numbers), wishes.keep)
    if found is None:
        return None
    return Keeping([every[numbers[bit]].name for bit in found.regions], len(numbers), found)


def _stands_in(fence: frozenset[str] | None, site: Site) -> bool:
    return fence is None or site.name in fence or not fence.isdisjoint(site.pins_of)


def _columns(reach: Sequence[Reach], numbers: Sequence[int]) -> list[Reach]:
    return [
        Reach([row.costs[n] for n in numbers], [row.times[n] for n in numbers]) for row in reach
    ]
