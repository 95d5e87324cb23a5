"""Shares moved by cost: a region sends clients on while that is quicker for all (`ttft`).

    arrivals ─► demand ─► shares that equalise costs ─► a step towards them
       ▲        (by shares felt)                                  │
       └────── resolvers ask again as their answers run out ◄─────┘

Between a round and its effect lie the TTLs of answers that resolvers keep: a share is *felt* only
as these run out, so arrivals are judged by the shares felt, and never by those just decided. More
is sent on a step each round. It is taken back, a step at a time, once what was decided last has
been felt, and only what would be quicker at home by 10 ms and 10 %. So shares do not swing.

A region whose flow is unknown holds: it sends no more on, and is given no more; so does one of
which an operator says what it sends on. One whose probes tell no flow gives back by steps what it
sends on, and what it takes. One that does not serve has no shares, at once; a new process begins
slowly, as in `spill`.

Pure: values and a clock reading in, values out. All shares lie between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from resolverd.abi.limits import LEAST_GAIN, LEAST_GAIN_MS
from resolverd.policy.equalise import (
    Lists,
    RoundTrips,
    Thresholds,
    demands_of,
    equalised,
    lists_of,
    loads_of,
)
from resolverd.policy.spill import carry_on, due_of, seen
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill
from resolverd.policy.ttft import Flow, added_delay

# A region's clients hear soon of its next round where so much more of them would begin to move.
_AHEAD = 1.3


LAG = 20.0
"""Seconds in which two thirds of a share are felt, where answers are kept for up to a minute."""


@dataclass(frozen=True, slots=True)
class CostRule:
    """A service's rules: round trips in ms between regions, shares, and seconds.

    `rtt` has for each region what its own clients' round trip to each takes. `ttl` is the longest
    that an answer may be kept, `dwell` the time between two rounds, and `horizon` the time in which
    a queue that stands is to be gone. `lag` is how long a share takes to be felt, by two thirds.
    `slow_share` is what a restarted region sends on at first.
    """

    rtt: RoundTrips
    step: float = 0.1
    max_ratio: float = 0.5
    dwell: float = 15.0
    ttl: float = 60.0
    horizon: float = 60.0
    lag: float = LAG
    slow_share: float = 0.0
    lists: Lists = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lists", lists_of(self.rtt))


def advance_by_cost(
    spill: Spill, loads: Mapping[str, RegionLoad], rule: CostRule, now: float
) -> Spill:
    """The shares after what is known at `now`; call it on news, and when `due` has come."""
    before = {region: spill.regions.get(region, RegionShare()) for region in loads}
    regions = {
        region: _felt(seen(own, loads[region], rule.slow_share, now), rule, now)
        for region, own in before.items()
    }
    for region, own in regions.items():
        if own.warming and not before[region].warming:
            regions = carry_on(region, regions, loads)
    arrivals = {r: load.flow.arrivals if load.flow else 0.0 for r, load in loads.items()}
    felt = Thresholds(
        {r: own.felt_spill for r, own in regions.items()},
        {r: own.felt_accept for r, own in regions.items()},
    )
    demand = demands_of(arrivals, felt, rule.lists)
    flows = {r: flow for r, flow in _flows(loads).items() if loads[r].said is None}
    due = due_of(spill, rule.dwell, now)
    if now >= due:
        regions = _round(regions, loads, flows, demand, rule, now)
        regions = _marked(regions, flows, demand, rule)
        if any(own.step_pending for own in regions.values()):
            due = now + rule.dwell
        return Spill(regions, due)
    return Spill(_marked(regions, flows, demand, rule), due)


def _flows(loads: Mapping[str, RegionLoad]) -> dict[str, Flow]:
    """The flows of the regions that serve and are known.

    One that was never seen full is taken to finish, for its capacity, what those do that were,
    until it is full itself. Where none was, nothing is moved.
    """
    known = {r: load.flow for r, load in loads.items() if load.serves and load.flow is not None}
    full = {region: flow for region, flow in known.items() if flow.max_rate}
    measure = sum(loads[region].capacity for region in full)
    if not measure:
        return full
    max_rate = sum(flow.max_rate or 0.0 for flow in full.values()) / measure
    concurrency = sum(flow.concurrency for flow in full.values()) / measure
    return {
        region: flow
        if region in full
        else flow._replace(
            max_rate=max(max_rate * loads[region].capacity, flow.arrivals),
            concurrency=max(1.0, concurrency * loads[region].capacity),
        )
        for region, flow in known.items()
        if region in full or loads[region].capacity > 0
    }


def _felt(own: RegionShare, rule: CostRule, now: float) -> RegionShare:
    """Let a share be felt by and by, as answers run out; what was kept over a restart is felt."""
    if own.felt_at == -math.inf:
        return replace(own, felt_spill=own.spill_ratio, felt_accept=own.accept_ratio, felt_at=now)
    part = 1 - math.exp(-(now - own.felt_at) / rule.lag)
    return replace(
        own,
        felt_spill=own.felt_spill + part * (own.spill_ratio - own.felt_spill),
        felt_accept=own.felt_accept + part * (own.accept_ratio - own.felt_accept),
        felt_at=now,
    )


def _round(
    regions: Mapping[str, RegionShare],
    loads: Mapping[str, RegionLoad],
    flows: Mapping[str, Flow],
    demand: Mapping[str, float],
    rule: CostRule,
    now: float,
) -> dict[str, RegionShare]:
    """A step of every region towards the shares that equalise costs."""

    def found(least: float) -> Thresholds:
        return equalised(
            demand,
            flows,
            rule.rtt,
            rule.lists,
            horizon=rule.horizon,
            max_ratio=rule.max_ratio,
            least=least,
        )

    more = found(1.0)
    back = found(-1.0) if any(own.spill_ratio for own in regions.values()) else more
    spill = {
        r: _sent_on(own, more.spill[r], back.spill[r], rule, now)
        if r in flows
        else _unknown(own, loads[r], rule, now)
        for r, own in regions.items()
    }
    most = max(spill.values(), default=0.0)
    held = {
        r: 0.0
        if spill[r]
        else max(more.accept.get(r, 0.0), min(_kept(own, loads[r], rule, now), most))
        for r, own in regions.items()
    }
    expected = loads_of(demand, Thresholds(spill, held), rule.lists)
    delays = {r: added_delay(flow, expected[r], rule.horizon) for r, flow in flows.items()}
    worst = max((delays[r] for r in flows if spill[r]), default=0.0)
    after = {}
    for region, own in regions.items():
        accept = held[region]
        if region in flows and delays[region] > worst + max(LEAST_GAIN_MS, LEAST_GAIN * worst):
            accept = 0.0 if spill[region] else more.accept[region]
        moved = (spill[region], accept) != (own.spill_ratio, own.accept_ratio)
        after[region] = replace(
            own,
            spill_ratio=spill[region],
            accept_ratio=accept,
            moved=now if moved else own.moved,
            warming=own.warming and 0 < spill[region] <= own.spill_ratio,
        )
    return after


def _sent_on(own: RegionShare, more: float, back: float, rule: CostRule, now: float) -> float:
    """The share that a region sends on after this round."""
    share = own.spill_ratio
    if share < more:
        return min(more, share + rule.step)
    if share > back and now >= own.moved + rule.ttl:
        return max(back, share - rule.step)
    return share


def _unknown(own: RegionShare, load: RegionLoad, rule: CostRule, now: float) -> float:
    """The same of a region whose flow is unknown; what no probe tells would bring nobody back."""
    if load.said is not None:
        return own.spill_ratio
    back = own.warming or not load.flow_measured
    return _sent_on(own, 0.0, 0.0 if back else rule.max_ratio, rule, now)


def _kept(own: RegionShare, load: RegionLoad, rule: CostRule, now: float) -> float:
    """What a region goes on to take; one of which no probe tells a flow gives it back by steps."""
    if load.flow_measured or now < own.moved + rule.ttl:
        return own.accept_ratio
    return max(0.0, own.accept_ratio - rule.step)


def _marked(
    regions: Mapping[str, RegionShare],
    flows: Mapping[str, Flow],
    demand: Mapping[str, float],
    rule: CostRule,
) -> dict[str, RegionShare]:
    """Forget what is taken while nobody sends anything on, and mark whom a round may soon move.

    That are those who send on, and those who would with a little more to do.
    """

    delays = {r: added_delay(flow, demand[r], rule.horizon) for r, flow in flows.items()}

    def near(region: str) -> bool:
        more = added_delay(flows[region], demand[region] * _AHEAD, rule.horizon)
        ways = rule.rtt[region]
        return more > LEAST_GAIN_MS and any(
            ways[region] + more - ways[other] - delay > LEAST_GAIN_MS
            for other, delay in delays.items()
            if other != region
        )

    active = any(own.spill_ratio for own in regions.values())
    return {
        region: replace(
            own,
            accept_ratio=own.accept_ratio if active else 0.0,
            step_pending=bool(own.spill_ratio) or (region in flows and near(region)),
        )
        for region, own in regions.items()
    }
