"""From a configuration, traffic and wishes to a plan: what is, what would be, what to add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from resolverd.planner.assignment import Reach, Served
from resolverd.planner.budgets import Budget
from resolverd.planner.candidates import Candidate, Gain, gains
from resolverd.planner.cost import Gpus
from resolverd.planner.fewest import Fewest, fewest
from resolverd.planner.figures import Figures, figures
from resolverd.planner.lists import Possible
from resolverd.planner.smaller import Smaller, smaller
from resolverd.planner.users import Group
from resolverd.planner.world import Site

Reacher = Callable[[Sequence[Site]], list[Reach]]
"""From sites to how far they are from each group of users."""


class Wishes(NamedTuple):
    """What is asked of a plan.

    `gpus` are to be shared out by traffic, in groups of `tensor_parallel`; `without` and `added`
    are the regions of the change that is tried; of a minor region, with less than the share
    `minor`, it is said what weights of `bits` bits would save; `keep` is the share of users to keep
    within `budget` by the fewest regions, 0 where that is not asked.
    """

    gpus: int
    tensor_parallel: int
    prices: Mapping[str, Mapping[str, float]]
    without: frozenset[str]
    added: Sequence[Site]
    candidates: Sequence[Possible]
    minor: float
    bits: int
    keep: float
    budget: Budget


class Keeping(NamedTuple):
    """The fewest regions that keep a share of users within a budget: by name, of how many."""

    regions: list[str]
    possible: int
    found: Fewest


class Plan(NamedTuple):
    """The figures now, and with the change where one is tried; the rest is of now."""

    now: Figures
    changed: Figures | None
    smaller: list[Smaller]
    gains: list[Gain]
    keeping: Keeping | None


def make(sites: Sequence[Site], groups: Sequence[Group], reacher: Reacher, wishes: Wishes) -> Plan:
    """The plan. Raises ValueError where the GPUs are too few for the regions with traffic."""

    def of(these: Sequence[Site], reach: Sequence[Reach]) -> Figures:
        return figures(
            these,
            groups,
            reach,
            prices=wishes.prices,
            gpus=wishes.gpus,
            tensor_parallel=wishes.tensor_parallel,
        )

    possible = [_site(one, sites) for one in wishes.candidates]
    every = [*sites, *wishes.added, *possible]
    reach = reacher(every)
    now = of(sites, _columns(reach, range(len(sites))))
    left = [
        (number, site)
        for number, site in enumerate(every[: len(sites) + len(wishes.added)])
        if site.name not in wishes.without
    ]
    kept = [site for _, site in left]
    changed = None
    if wishes.without or wishes.added:
        changed = of(kept, _columns(reach, [number for number, _ in left]))
    first = len(sites) + len(wishes.added)
    return Plan(
        now,
        changed,
        smaller(now.regions, bits=wishes.bits, below=wishes.minor),
        _gains(groups, now.served, reach, possible, wishes, first),
        _keeping(groups, reach, every, wishes),
    )


def _site(possible: Possible, sites: Sequence[Site]) -> Site:
    """A candidate with what its file does not say as the dearest of the regions has it."""
    model = max((site.gpus for site in sites), key=lambda gpus: gpus.usd_per_hour)
    gpus = Gpus(
        model.model,
        model.count if possible.gpus is None else possible.gpus,
        model.usd_per_hour if possible.usd_per_hour is None else possible.usd_per_hour,
    )
    return Site(possible.name, possible.point, gpus)


def _gains(
    groups: Sequence[Group],
    served: Sequence[Served],
    reach: Sequence[Reach],
    possible: Sequence[Site],
    wishes: Wishes,
    first: int,
) -> list[Gain]:
    candidates = [
        Candidate(site.name, site.gpus.count, site.gpus.monthly, one.pins_of)
        for site, one in zip(possible, wishes.candidates, strict=True)
    ]
    columns = _columns(reach, range(first, first + len(possible)))
    return gains(groups, served, columns, candidates)


def _keeping(
    groups: Sequence[Group], reach: Sequence[Reach], every: Sequence[Site], wishes: Wishes
) -> Keeping | None:
    """The fewest of all regions, those there are and those that could be."""
    if not wishes.keep:
        return None
    pins_of = {one.name: one.pins_of for one in wishes.candidates}
    limit = float("inf") if wishes.budget.ms is None else wishes.budget.ms
    covers = []
    for group, row in zip(groups, reach, strict=True):
        bits = 0
        for number, site in enumerate(every):
            inside = _stands_in(group.fence, site.name, pins_of.get(site.name, frozenset()))
            if inside and row.times[number] <= limit:
                bits |= 1 << number
        covers.append((bits, group.share))
    found = fewest(covers, len(every), wishes.keep)
    if found is None:
        return None
    return Keeping([every[number].name for number in found.regions], len(every), found)


def _stands_in(fence: frozenset[str] | None, name: str, pins_of: frozenset[str]) -> bool:
    return fence is None or name in fence or not fence.isdisjoint(pins_of)


def _columns(reach: Sequence[Reach], numbers: Sequence[int]) -> list[Reach]:
    return [
        Reach([row.costs[n] for n in numbers], [row.times[n] for n in numbers]) for row in reach
    ]
