"""Shares that make what one request more costs equal everywhere: from loads to shares, no time.

A region's own clients are its *demand*. Regions that send a share of it on (`spill`), and those that
take of what others send on (`accept`), have a threshold each on the one draw of every block: a block
goes to the first region of its list that accepts more than its draw (`policy/decision.py`).

Slice by slice of the draw, the region that gains most by it sends its next hundredth on, to where
the longer way and what it adds there cost least; until no slice gains enough. No region both sends
on and takes.

Loads are in requests a second, costs in milliseconds; keys are regions. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from resolverd.policy.ttft import LEAST_GAIN, LEAST_GAIN_MS, Flow, added_delay

SLICES = 100
# The part of its clients that a region keeps is taken to be this at least.
_REST = 0.05

Lists = Mapping[str, Sequence[str]]
"""By region: the other regions in the order of its own clients' lists."""
RoundTrips = Mapping[str, Mapping[str, float]]
"""By region: what a round trip of its own clients takes to each, itself included, in ms."""


class Thresholds(NamedTuple):
    """Shares from 0 to 1, by region."""

    spill: Mapping[str, float]
    accept: Mapping[str, float]


def lists_of(rtt: RoundTrips) -> dict[str, list[str]]:
    """The other regions by round trip."""
    return {
        region: [other for other in sorted(ms, key=ms.__getitem__) if other != region]
        for region, ms in rtt.items()
    }


def loads_of(demand: Mapping[str, float], shares: Thresholds, lists: Lists) -> dict[str, float]:
    """The load of each region once these shares are felt."""
    loads = dict(demand)
    for region, own in demand.items():
        taken, spill = 0.0, shares.spill.get(region, 0.0)
        for other in lists[region] if spill else ():
            more = min(spill, shares.accept.get(other, 0.0)) - taken
            if more > 0:
                taken += more
                loads[other] += own * more
                loads[region] -= own * more
    return loads


def demands_of(arrivals: Mapping[str, float], felt: Thresholds, lists: Lists) -> dict[str, float]:
    """The demand of each region that makes these arrivals of it, where these shares are felt.

    The inverse of `loads_of` where nobody both sends on and takes; never negative.
    """
    demand = dict.fromkeys(arrivals, 0.0)
    given = dict.fromkeys(arrivals, 0.0)
    for region in sorted(arrivals, key=lambda r: -felt.spill.get(r, 0.0)):
        spill = felt.spill.get(region, 0.0)
        parts, taken = {}, 0.0
        for other in lists[region] if spill else ():
            more = min(spill, felt.accept.get(other, 0.0)) - taken
            if more > 0:
                taken += more
                parts[other] = more
        own = max(0.0, arrivals[region] - given[region]) / max(1 - taken, _REST)
        demand[region] = own
        for other, part in parts.items():
            given[other] += own * part
    return demand


def equalised(
    demand: Mapping[str, float],
    flows: Mapping[str, Flow],
    rtt: RoundTrips,
    *,
    horizon: float,
    max_ratio: float,
    least: float = 1.0,
) -> Thresholds:
    """The shares from which no slice more gains enough, among the regions that `flows` has.

    Enough is `least` times 10 ms and 10 % of what a request costs at home: 1 before more is sent
    on, -1 for the shares beyond which it is worth taking clients back.
    """
    lists = lists_of(rtt)
    spill, accept = dict.fromkeys(flows, 0), dict.fromkeys(flows, 0)
    most = round(max_ratio * SLICES)
    loads = {region: demand[region] for region in flows}

    def cost(region: str, more: float = 0.0) -> float:
        return added_delay(flows[region], max(0.0, loads[region] + more), horizon)

    costs = {region: cost(region) for region in flows}
    done: set[str] = set()
    while True:
        # The costliest first: what it gives away is dearest to all.
        able = [r for r in flows if r not in done and not accept[r] and spill[r] < most]
        if not able:
            break
        region = max(able, key=costs.__getitem__)
        part = demand[region] / SLICES
        other = _cheapest(region, part, spill, accept, lists, rtt, cost)
        here = rtt[region][region] + costs[region]
        enough = least * max(LEAST_GAIN_MS, LEAST_GAIN * here)
        if other is None or here - rtt[region][other] - cost(other, part) < enough:
            done.add(region)
            continue
        spill[region] += 1
        _take(other, spill[region], accept, lists[region])
        loads |= loads_of(
            {r: demand[r] for r in flows}, _thresholds(spill, accept), lists
        )
        costs = {r: cost(r) for r in flows}
    return _thresholds(spill, accept)


def _cheapest(region, part, spill, accept, lists, rtt, cost):  # type: ignore[no-untyped-def]
    """Where the region's next slice would go; None where nobody may take it."""
    able = [o for o in lists[region] if o in spill and not spill[o]]
    for other in able:
        if accept[other] > spill[region]:
            return other  # it takes that slice of others too, and stands first
    return min(able, key=lambda o: rtt[region][o] + cost(o, part), default=None)


def _take(other: str, top: int, accept: dict[str, int], listed: Sequence[str]) -> None:
    """Let `other` have one slice more of those below `top`.

    Where one that stands later in the list has the slices up to there, it goes on to have the last,
    and `other` gets the first of its own instead: all above that are the later one's.
    """
    last = next((o for o in listed if accept[o] >= top - 1 > 0), None)
    if last is None or last == other or listed.index(last) < listed.index(other):
        accept[other] = max(accept[other], top)
    else:
        accept[other] += 1
        accept[last] = max(accept[last], top)


def _thresholds(spill: Mapping[str, int], accept: Mapping[str, int]) -> Thresholds:
    return Thresholds(
        {region: slices / SLICES for region, slices in spill.items()},
        {region: slices / SLICES for region, slices in accept.items()},
    )
