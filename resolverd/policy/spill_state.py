"""What the shares of a service are moved by, and what has to be remembered to move them.

A service's `Spill` is moved by its `SpillRule` and by how loaded its regions are, `RegionLoad`
(`policy/spill.py`), by cost (`policy/spill_by_cost.py`), or as operators say
(`policy/operator_rules.py`). Plain values; all shares lie between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from resolverd.policy.share import Share
from resolverd.policy.ttft import Flow


@dataclass(frozen=True, slots=True)
class SpillRule:
    """A service's rules: thresholds of saturation, shares, and seconds.

    `ttl` is the longest that an answer given before a round may live after it. Raises ValueError
    where the rules would contradict themselves.
    """

    start: float = 1.0
    end: float = 0.7
    step: float = 0.1
    max_ratio: float = 0.5
    dwell: float = 60.0
    ttl: float = 60.0
    slow_start: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.end < self.start:
            raise ValueError("end must lie between 0 and start")
        if not (0 < self.step <= 1 and 0 < self.max_ratio <= 1):
            raise ValueError("step and max_ratio must lie between 0 and 1")
        if not 0 < self.dwell >= self.ttl:
            raise ValueError("dwell is shorter than ttl: a step would be judged before it is felt")

    @property
    def slow_share(self) -> float:
        """What a restarted region sends on at first: so many steps as `slow_start` has dwells."""
        return min(self.max_ratio, self.step * math.ceil(self.slow_start / self.dwell))


@dataclass(frozen=True, slots=True)
class RegionLoad:
    """One region as it stands: whether it serves, and how loaded it is.

    `capacity` is in any unit that all regions share. `saturation` is smoothed and `latest` is
    not; both are None where unknown, and 1 is full. `at` is when the oldest of the readings they
    are made of was taken. `started` is when the region's newest process started, None if unknown.
    `flow` is what goes through it, for shares that are moved by cost (`spill_by_cost`). `said` is
    the share that an operator has it send on, None where nobody does. `measured` tells whether its
    probes can tell a load at all, `flow_measured` whether they can tell a flow. `coming` is the
    load that other services have just given it, and `leaving` what they have just had back
    (`shared_regions`), as far as its readings may not show it yet.
    """

    serves: bool
    capacity: float = 1.0
    saturation: float | None = None
    latest: float | None = None
    at: float = -math.inf
    started: float | None = None
    flow: Flow | None = None
    said: float | None = None
    measured: bool = True
    flow_measured: bool = True
    coming: float = 0.0
    leaving: float = 0.0

    @property
    def highest(self) -> float | None:
        """The less favourable of the smoothed and the latest saturation."""
        if self.saturation is None:
            return None
        return self.saturation if self.latest is None else max(self.saturation, self.latest)


@dataclass(frozen=True, slots=True)
class RegionShare:
    """One region's shares, and what has to be remembered to move them.

    `moved` is when they last changed; `in_flight` is the load handed over in the round at
    `in_flight_at`. `step_pending` tells that the next round may move this region's own clients.
    `not_serving` tells that it did not serve when last seen, `started` is the newest process that
    it was ever seen with. `felt_spill` and `felt_accept` are the shares as felt at `felt_at`, for
    shares that are moved by cost (`spill_by_cost`). `said` tells that an operator says what it
    sends on; `offered` that it was asked to take what operators have others send on, since it
    began to serve or to be under no rule of its own (`operator_rules`).
    """

    spill_ratio: float = 0.0
    accept_ratio: float = 0.0
    moved: float = -math.inf
    in_flight: float = 0.0
    in_flight_at: float = -math.inf
    step_pending: bool = False
    warming: bool = False
    not_serving: bool = False
    started: float | None = None
    felt_spill: float = 0.0
    felt_accept: float = 0.0
    felt_at: float = -math.inf
    said: bool = False
    offered: bool = False


@dataclass(frozen=True, slots=True)
class Spill:
    """One service's shares by region; the next round is not before `due`."""

    regions: Mapping[str, RegionShare] = field(default_factory=dict)
    due: float = -math.inf

    @property
    def active(self) -> bool:
        """Whether any region sends clients on."""
        return any(own.spill_ratio for own in self.regions.values())

    def shares(self, now: float) -> dict[str, Share]:
        """What the engines answer from; only regions that have a share, or soon may, are in it."""
        left = max(0.0, self.due - now)
        return {
            region: Share(own.spill_ratio, own.accept_ratio, left if own.step_pending else math.inf)
            for region, own in self.regions.items()
            if own.spill_ratio or own.accept_ratio or own.step_pending
        }
