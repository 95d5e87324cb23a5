"""Shares that make what one request more costs equal everywhere: from loads to shares, no time.

A region's own clients are its *demand*. Regions that send a share of it on (`spill`), and those
that take of what others send on (`accept`), have a threshold each on the one draw of every block: a
block goes to the first region of its list that accepts more than its draw (`policy/decision.py`).

Slice by slice of the draw, the region where one request more adds most sends its next hundredth
on, to where the longer way and what it adds there cost least; until no slice gains enough. No
region both sends on and takes.

Loads are in requests a second, costs in milliseconds; keys are regions. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from resolverd.abi.limits import LEAST_GAIN, LEAST_GAIN_MS
from resolverd.policy.ttft import Flow, added_delay

SLICES = 100
# The part of its clients that a region keeps is taken to be this at least.
_REST = 0.05

Lists = Mapping[str, Sequence[str]]
"""By region: the other regions in the order of its own clients' lists."""
RoundTrips = Mapping[str, Mapping[str, float]]
"""By region: what a round trip of its own clients takes to each, itself included, in ms."""


class Thresholds(NamedTuple):
    """Shares from 0 to 1, by region; who is not in them has none."""

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
        for other, part in _parts(region, shares, lists):
            loads[other] += own * part
            loads[region] -= own * part
    return loads


def demands_of(arrivals: Mapping[str, float], felt: Thresholds, lists: Lists) -> dict[str, float]:
    """The demand of each region that makes these arrivals of it, where these shares are felt.

    The inverse of `loads_of` where nobody both sends on and takes; never negative.
    """
    demand = dict.fromkeys(arrivals, 0.0)
    given = dict.fromkeys(arrivals, 0.0)
    for region in sorted(arrivals, key=lambda r: -felt.spill.get(r, 0.0)):
        parts = _parts(region, felt, lists)
        kept = 1 - sum(part for _, part in parts)
        demand[region] = max(0.0, arrivals[region] - given[region]) / max(kept, _REST)
        for other, part in parts:
            given[other] += demand[region] * part
    return demand


def equalised(
    demand: Mapping[str, float],
    flows: Mapping[str, Flow],
    rtt: RoundTrips,
    lists: Lists,
    *,
    horizon: float,
    max_ratio: float,
    least: float = 1.0,
) -> Thresholds:
    """The shares from which no slice more gains enough, among the regions that `flows` has.

    Enough is `least` times 10 ms and 10 % of what a request costs at home: 1 before more is sent
    on, -1 for the shares beyond which it is worth taking clients back.
    """
    state = _Slices(demand, flows, rtt, lists, horizon)
    most = int(max_ratio * SLICES + 1e-9)
    unmoved = set(flows)
    while unmoved:
        region = max(unmoved, key=state.costs.__getitem__)
        if state.accept[region] or state.spill[region] >= most or not state.move(region, least):
            unmoved.remove(region)
    return state.thresholds()


class _Slices:
    """Shares in the making, in hundredths, with what they make of loads and costs."""

    def __init__(
        self,
        demand: Mapping[str, float],
        flows: Mapping[str, Flow],
        rtt: RoundTrips,
        lists: Lists,
        horizon: float,
    ) -> None:
        self.spill, self.accept = dict.fromkeys(flows, 0), dict.fromkeys(flows, 0)
        self._demand = {region: demand[region] for region in flows}
        self._flows, self._rtt, self._horizon = flows, rtt, horizon
        self._lists = {r: [other for other in lists[r] if other in flows] for r in flows}
        self._loads = dict(self._demand)
        self.costs = {region: self._cost(region) for region in flows}

    def move(self, region: str, least: float) -> bool:
        """Send the region's next slice on; False where that does not gain enough."""
        if least > 0 and self.costs[region] < LEAST_GAIN_MS:
            return False
        part = self._demand[region] / SLICES
        other = self._cheapest(region, part)
        if other is None:
            return False
        here = self._rtt[region][region] + self.costs[region]
        there = self._rtt[region][other] + self._cost(other, part)
        if here - there < least * max(LEAST_GAIN_MS, LEAST_GAIN * here):
            return False
        self.spill[region] += 1
        self._take(other, self.spill[region], self._lists[region])
        before = self._loads
        self._loads = loads_of(self._demand, self.thresholds(), self._lists)
        for changed, load in self._loads.items():
            if load != before[changed]:
                self.costs[changed] = self._cost(changed)
        return True

    def thresholds(self) -> Thresholds:
        """The shares so far."""
        return Thresholds(
            {region: slices / SLICES for region, slices in self.spill.items()},
            {region: slices / SLICES for region, slices in self.accept.items()},
        )

    def _cost(self, region: str, more: float = 0.0) -> float:
        load = max(0.0, self._loads[region] + more)
        return added_delay(self._flows[region], load, self._horizon)

    def _cheapest(self, region: str, part: float) -> str | None:
        """Where its next slice would go; None where nobody may take it."""
        able = [other for other in self._lists[region] if not self.spill[other]]
        for other in able:
            if self.accept[other] > self.spill[region]:
                return other  # it takes that slice of others too, and stands first
        costs = self._rtt[region]
        return min(able, key=lambda other: costs[other] + self._cost(other, part), default=None)

    def _take(self, other: str, top: int, listed: Sequence[str]) -> None:
        """Let `other` have one slice more of those below `top`.

        Where one that stands later in the list has the slices up to there, it goes on to have the
        last, and `other` gets its lowest instead, since all below a threshold are the first one's.
        """
        last = next((o for o in listed if self.accept[o] >= top - 1 > 0), None)
        if last is None or last == other or listed.index(last) < listed.index(other):
            self.accept[other] = max(self.accept[other], top)
        else:
            self.accept[other] += 1
            self.accept[last] = max(self.accept[last], top)


def _parts(region: str, shares: Thresholds, lists: Lists) -> list[tuple[str, float]]:
    """Who is given which part of a region's own clients."""
    spill = shares.spill.get(region, 0.0)
    parts, taken = [], 0.0
    for other in lists[region] if spill else ():
        more = min(spill, shares.accept.get(other, 0.0)) - taken
        if more > 0 and not shares.spill.get(other, 0.0):
            taken += more
            parts.append((other, more))
    return parts
