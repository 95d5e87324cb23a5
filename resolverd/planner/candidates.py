"""Which region to add next: milliseconds that users gain, for a dollar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from resolverd.planner.assignment import Reach, Served
from resolverd.planner.users import Group


class Candidate(NamedTuple):
    """A region that could be added, at `monthly` US dollars.

    `pins_of` are regions whose pins it would be added to: it stands in each fence that has one.
    """

    name: str
    gpus: int
    monthly: float
    pins_of: frozenset[str] = frozenset()


class Gain(NamedTuple):
    """What a candidate gives, over all users.

    `ms` less in the mean; the `share` who would be given it, and of those who were given no region
    before (`reached`); mean ms for 1,000 US dollars a month, None where it costs nothing.
    """

    candidate: Candidate
    ms: float
    share: float
    reached: float
    per_kusd: float | None


def gains(
    groups: Sequence[Group],
    served: Sequence[Served],
    reach: Sequence[Reach],
    candidates: Sequence[Candidate],
) -> list[Gain]:
    """Each candidate added alone, the best first.

    `reach` is from each group to each candidate. Users gain nothing from a region outside their
    fence.
    """
    found = []
    for number, candidate in enumerate(candidates):
        ms = share = reached = 0.0
        for group, now, (costs, times) in zip(groups, served, reach, strict=True):
            if group.fence is not None and not group.fence & candidate.pins_of:
                continue
            if now.region is None:
                reached += group.share
                share += group.share
            elif costs[number] < now.cost:
                ms += group.share * (now.ms - times[number])
                share += group.share
        per_kusd = 1000 * ms / candidate.monthly if candidate.monthly else None
        found.append(Gain(candidate, ms, share, reached, per_kusd))
    return sorted(found, key=_worth)


def _worth(gain: Gain) -> tuple[float, float, float, str]:
    """Whoever reaches users without a region first, then by ms for a dollar, then by ms."""
    per_kusd = float("inf") if gain.per_kusd is None and gain.ms else gain.per_kusd or 0.0
    return -gain.reached, -per_kusd, -gain.ms, gain.candidate.name
