"""Whom each region serves, and how far that is: users' groups assigned as steering would.

Rows have one number a region, in the order of the regions' names: `Times` in ms, and what the
service's policy orders by: kilometres where it is `nearest`, else the times themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import nsmallest
from typing import NamedTuple

from resolverd.planner.users import Group


class Reach(NamedTuple):
    """From one group to each region: what the policy orders by, and ms."""

    costs: Sequence[float]
    times: Sequence[float]


class Served(NamedTuple):
    """The region (by index) that a group is given, None if there is none; its cost, its ms."""

    region: int | None
    cost: float
    ms: float


NOWHERE = Served(None, float("inf"), float("inf"))


def serve(
    groups: Sequence[Group],
    reach: Sequence[Reach],
    names: Sequence[str],
    without: Collection[str] = (),
) -> list[Served]:
    """The first region of each group's fence by cost, but for those in `without`."""
    return [first for first, _ in serve_two(groups, reach, names, without)]


def serve_two(
    groups: Sequence[Group],
    reach: Sequence[Reach],
    names: Sequence[str],
    without: Collection[str] = (),
) -> list[tuple[Served, Served]]:
    """The same, and beside it the region that each group is given once that one dies."""
    numbers = [n for n, name in enumerate(names) if name not in without]
    fenced: dict[frozenset[str] | None, list[int]] = {None: numbers}
    served = []
    for group, (costs, times) in zip(groups, reach, strict=True):
        if group.fence not in fenced:
            fenced[group.fence] = [n for n in numbers if names[n] in (group.fence or ())]
        two = nsmallest(2, fenced[group.fence], key=costs.__getitem__)
        found = [Served(n, costs[n], times[n]) for n in two] + [NOWHERE, NOWHERE]
        served.append((found[0], found[1]))
    return served


def mean(groups: Sequence[Group], served: Sequence[Served]) -> float:
    """The mean round-trip time over users who are served, in ms; without an end where nobody is."""
    reached = [(g.share, s.ms) for g, s in zip(groups, served, strict=True) if s.region is not None]
    share = sum(part for part, _ in reached)
    return sum(part * ms for part, ms in reached) / share if share else float("inf")


def percentile(groups: Sequence[Group], served: Sequence[Served], part: float) -> float:
    """The round-trip time (ms) that this part of all users, from 0 to 1, has at most."""
    reached = 0.0
    ordered = sorted((s.ms, g.share) for g, s in zip(groups, served, strict=True))
    for ms, share in ordered:
        reached += share
        if reached >= part - 1e-12:
            return ms
    return ordered[-1][0] if ordered else 0.0


def shares(
    groups: Sequence[Group], served: Sequence[Served], names: Sequence[str]
) -> dict[str, float]:
    """What share of all traffic each region is given."""
    found = dict.fromkeys(names, 0.0)
    for group, one in zip(groups, served, strict=True):
        if one.region is not None:
            found[names[one.region]] += group.share
    return found
