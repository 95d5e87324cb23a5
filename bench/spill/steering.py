"""How each policy answers a resolver, and what it has to know for that.

nearest        the nearest region, whatever its load; all are healthy here
least-loaded   the region with the least to do, as it is at the very moment, or as the last
               reading showed; the nearer one of equals. All regions are of one size here
spill          resolverd's own: its saturation, its controller, its decision, its TTLs
ttft           the same with shares moved by cost, between regions whose round trips it is told
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from resolverd.config.model import Service
from resolverd.config.probe import Probe
from resolverd.dns.prefix import Prefix
from resolverd.health.readings import LoadReadings
from resolverd.health.verdict import UNKNOWN
from resolverd.load.flow import FlowTracker
from resolverd.load.saturation import (
    Replica,
    SaturationTracker,
    fresh_seconds,
    saturation_target_of,
)
from resolverd.load.spilling import Spilling
from resolverd.policy.decision import RegionStatus, decide
from resolverd.policy.equalise import RoundTrips
from resolverd.policy.ranking import PreferenceList
from resolverd.policy.share import NO_SHARE, draw
from resolverd.policy.spill_state import RegionLoad
from resolverd.policy.ttl import ttl_of
from resolverd.turns import at_once

SERVICE = "chat"
PROBE = Probe()
# A Steering that runs toward a known moment is made anew every second.
STALENESS = 1.0


class Seen(NamedTuple):
    """What a probe reads of one replica's metrics."""

    running: int
    waiting: int
    kv_usage: float
    completed: int


class Answer(NamedTuple):
    """A region, and for how many seconds it may be kept."""

    region: str
    ttl: float


class Policy(Protocol):
    """How resolvers are answered."""

    def scraped(self, region: str, replicas: list[Seen], now: float) -> None:
        """Take note of a region's metrics."""

    def answer(self, block: Prefix, preference: PreferenceList, now: float) -> Answer:
        """The region for the clients of `block`, whose list of regions is `preference`."""


class Counted:
    """A policy, and how many queries it has answered."""

    def __init__(self, policy: Policy) -> None:
        self.answers = 0
        self._policy = policy

    def scraped(self, region: str, replicas: list[Seen], now: float) -> None:
        """As the policy does."""
        self._policy.scraped(region, replicas, now)

    def answer(self, block: Prefix, preference: PreferenceList, now: float) -> Answer:
        """As the policy does."""
        self.answers += 1
        return self._policy.answer(block, preference, now)


class Nearest:
    """The nearest region."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl

    def scraped(self, region: str, replicas: list[Seen], now: float) -> None:
        """Nothing that it wants to know."""

    def answer(self, block: Prefix, preference: PreferenceList, now: float) -> Answer:
        """The first of the list."""
        return Answer(preference[0], self._ttl)


class LeastLoaded:
    """The region with the least to do, by what `outstanding` tells of each."""

    def __init__(self, ttl: float, outstanding: Callable[[str], int]) -> None:
        self._ttl, self._outstanding = ttl, outstanding

    def scraped(self, region: str, replicas: list[Seen], now: float) -> None:
        """Nothing: it asks when it is asked."""

    def answer(self, block: Prefix, preference: PreferenceList, now: float) -> Answer:
        """The one with the least to do; the nearer one of equals."""
        return Answer(min(preference, key=self._outstanding), self._ttl)


class LeastLoadedAsRead:
    """The same, by the last readings."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._read: dict[str, int] = {}

    def scraped(self, region: str, replicas: list[Seen], now: float) -> None:
        """Remember what was read."""
        self._read[region] = sum(seen.running + seen.waiting for seen in replicas)

    def answer(self, block: Prefix, preference: PreferenceList, now: float) -> Answer:
        """The one that had the least to do."""
        return Answer(min(preference, key=lambda region: self._read.get(region, 0)), self._ttl)


class Resolverd:
    """resolverd, by the daemon's own code and the options of `service`."""

    def __init__(self, service: Service, replicas: int, rtt: RoundTrips | None = None) -> None:
        self.episodes = 0
        self.flows = FlowTracker()
        self._service, self._target = service, saturation_target_of(service.spill)
        self._replicas = {
            region: [Replica(f"{region}-{n}", self._target) for n in range(replicas)]
            for region in service.regions
        }
        self._saturation, self._spilling = SaturationTracker(), Spilling()
        self._spilling.adopt({SERVICE: service}, {SERVICE: rtt} if rtt else {})
        self._readings: dict[str, LoadReadings] = {}

    def scraped(self, region: str, replicas: list[Seen], now: float) -> None:
        """Compute saturations, and let the controller have its turn."""
        for replica, seen in zip(self._replicas[region], replicas, strict=True):
            self._readings[replica.target] = LoadReadings(
                now,
                running=seen.running,
                waiting=seen.waiting,
                kv_usage=seen.kv_usage,
                completed=seen.completed,
            )
        every = [replica for listed in self._replicas.values() for replica in listed]
        fresh = [(replica, fresh_seconds(PROBE)) for replica in every]
        at_once(self._saturation.sample(fresh, self._readings, {}, lambda _: UNKNOWN, now))
        self.flows.sample([(replica.target, PROBE) for replica in every], self._readings, now)
        loads = {region: self._load(region) for region in self._service.regions}
        self._spilling.advance(SERVICE, loads, now)
        self.episodes = sum(self._spilling.episodes.values())

    def answer(self, block: Prefix, preference: PreferenceList, now: float) -> Answer:
        """As the daemon would answer."""
        statuses = self._statuses(now)
        decision = decide(preference, statuses, "nearest", draw(block))
        assert decision.region is not None
        ttl = ttl_of(
            ((region, statuses[region]) for region in decision.consulted),
            ttl=self._service.ttl,
            failover_ttl=self._service.failover_ttl,
            staleness=STALENESS,
        )
        return Answer(decision.region, ttl.seconds)

    def _load(self, region: str) -> RegionLoad:
        targets = [replica.target for replica in self._replicas[region]]
        level = self._saturation.level(targets, self._target)
        flow = self.flows.flow(targets)
        return RegionLoad(True, len(targets), level.saturation, level.latest, level.at, flow=flow)

    def _statuses(self, now: float) -> dict[str, RegionStatus]:
        shares = self._spilling.shares(now)
        return {
            region: RegionStatus(True, **shares.get((SERVICE, region), NO_SHARE)._asdict())
            for region in self._service.regions
        }
