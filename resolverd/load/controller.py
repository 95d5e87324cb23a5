"""The controller: samples readings once a second, moves shares, and notifies whoever steers.

    readings ─► saturation ┐     (and flow, where shares are moved by cost)
    verdicts ──────────────┼─► spilling ─► shares ─► World ─► Steering
    alerts that degrade ───┘

`update` is called with each Steering, so that what a region's going and coming back do to shares
is in the very Steering that has it. In between, `keep` ticks by itself: every second, and
at the moment when shares may next be moved.

Services that share a region share its servers, so what is known of its load is that of them all.
Each reckons as if it were its own: together they then move no more of its clients than what one
alone would. What one has just given a region that takes is no room for the next
(`policy/shared_regions.py`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from resolverd import log
from resolverd.config.model import Config, Service
from resolverd.config.probe import Probe
from resolverd.config.targets import ProbeTargets
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.interface import LateReplyError
from resolverd.health.gpus import GpuWatch
from resolverd.health.kinds.kind import load_optional, reads, tells_flow, tells_load
from resolverd.health.readings import LoadReadings
from resolverd.health.verdict import Verdict
from resolverd.load.alerting import Alerting
from resolverd.load.flow import FlowTracker
from resolverd.load.saturation import (
    Level,
    Replica,
    SaturationTarget,
    SaturationTracker,
    fresh_seconds,
    saturation_target_of,
)
from resolverd.load.spilling import Spilling
from resolverd.load.weighing import Weighing
from resolverd.policy.equalise import RoundTrips
from resolverd.policy.operator_rules import OperatorRule, rules_of
from resolverd.policy.share import Share
from resolverd.policy.spill_state import RegionLoad
from resolverd.policy.ttft import Cost, Flow, cost_of
from resolverd.snapshot.model import JudgedRegion, Plan, RegionPlan
from resolverd.turns import in_turns

Counted = Callable[[], Awaitable[Counters]]
Sampled = Callable[[], Awaitable[BlockSamples]]

# Seconds between two evaluations of saturation and shares: fewer steps sooner and costs more.
POLL_INTERVAL = 1.0
# Seconds between two evaluations of the alerts: fewer raises alerts sooner and costs more.
_ALERT_INTERVAL = 5.0
# Requests a second that a region is taken to finish at least, of which anything is known.
_MIN_RATE = 0.001


class LoadSource(Protocol):
    """What probes have learned, by target id."""

    def verdict(self, target: str) -> Verdict:
        """The verdict on a target now."""

    def settled(self) -> Mapping[str, Verdict]:
        """The verdicts of all, which may be old in when they were probed, but in nothing else."""

    def loads(self) -> Mapping[str, LoadReadings]:
        """The latest load, by target id, of each target of which any is known."""


class LoadController:
    """What is known of the regions' load. `changed` is called when shares have moved."""

    def __init__(
        self,
        source: LoadSource,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spilling = Spilling()
        self.weighing = Weighing()
        self._gpus = GpuWatch(clock)
        self.alerting = Alerting(self._gpus)
        self._source, self._changed, self._clock = source, changed, clock
        self._saturation = SaturationTracker()
        self.flows = FlowTracker()
        self._config: Config | None = None
        self._plan = Plan(0, {}, {}, b"", 0)
        self._judged: Mapping[str, JudgedRegion]
        self._measured: list[tuple[str, Service, SaturationTarget]] = []
        self._replicas: dict[Replica, float] = {}  # for how long a reading of each is fresh
        self._queues: dict[str, Probe] = {}
        self._probed: dict[str, tuple[str, Probe]] = {}  # at which URL, and how
        self._telling: dict[str, bool] = {}  # who tells a load, and whether it may tell none
        self._flowing: frozenset[str] = frozenset()  # who tells a flow
        self._said: Mapping[str, OperatorRule] = {}
        self._capacities: dict[str, float] = {}
        self._judged_at = -_ALERT_INTERVAL
        self._log = log.get("load")

    def obey(self, rules: Mapping[str, OperatorRule]) -> None:
        """Have regions send on what these rules in force say, by key, from the next `update` on."""
        self._said = rules

    def update(
        self,
        config: Config,
        targets: ProbeTargets,
        plan: Plan,
        judged: Mapping[str, JudgedRegion],
    ) -> None:
        """Take verdicts into account; `judged` are the Plan's regions by site."""
        services = plan.services.items() if self._said else ()
        self.spilling.obey({name: rules_of(name, s.own, self._said) for name, s in services})
        if config is not self._config or plan is not self._plan:
            self.spilling.adopt(config.service, _round_trips(config, plan))
        if config is not self._config:
            self._adopt(config, targets)
        self._plan, self._judged = plan, judged
        self._advance(self._clock(), self._loads())

    def shares(self) -> Mapping[tuple[str, str], Share]:
        """The shares now, by (service, region); with what weighs blocks, where they are weighed."""
        return MappingProxyType(self.weighing.over(self.spilling.shares(self._clock())))

    def saturations(self) -> dict[tuple[str, str], float]:
        """Each region's smoothed saturation as its services measure it; only those known.

        What stands behind an edge service is as full there as its core service measures it.
        """
        known = {
            (name, region): level.saturation
            for name, _, saturation_target in self._measured
            for region, planned in self._plan.services[name].own.items()
            if (level := self._level(planned, saturation_target)).saturation is not None
        }
        behind = {
            (name, region): known[service.core.service, region]
            for name, service in self._plan.services.items()
            if service.core is not None
            for region in service.core.behind
            if (service.core.service, region) in known
        }
        return known | behind

    def costs(self) -> dict[tuple[str, str], tuple[Cost, Flow | None]]:
        """What each region costs its own clients, and what goes through it, where cost decides."""
        found = {}
        for name, planned in self._plan.services.items():
            rule = self.spilling.cost_rule(name)
            for region in planned.own if rule is not None else ():
                assert rule is not None
                flow = self._flow(region, planned.regions[region])
                found[name, region] = cost_of(rule.rtt[region][region], flow, rule.horizon), flow
        return found

    async def keep(self, counted: Counted, sampled: Sampled | None = None) -> None:
        """Tick, for as long as the daemon serves; `counted` and `sampled` ask the engine.

        A defect of ours costs one tick, not the daemon: shares stay as they are. It is an event
        unless the last tick met the same.
        """
        known = ""
        try:
            while True:
                defect = ""
                try:
                    await self.tick(counted, sampled)
                except Exception as error:  # noqa: BLE001 - answers go on, shares stay as they are
                    defect = repr(error)
                    if defect != known:
                        self._log.error("load.defect", exc_info=error)
                known = defect
                due = self.spilling.due(self._clock())
                await asyncio.sleep(
                    POLL_INTERVAL if due is None else min(POLL_INTERVAL, due - self._clock())
                )
        finally:
            await self._gpus.stop()

    async def tick(self, counted: Counted, sampled: Sampled | None = None) -> None:
        """Take in what was read since, move the shares, and judge alerts when that is due.

        `sampled` is asked for samples of clients' blocks where any service weighs them.
        """
        if self._config is None:
            self._changed()  # whoever steers will call `update`
            return
        readings = self._loads()
        weighed = self.weighing.wanted and sampled is not None and await self._weigh(sampled)
        now = self._clock()
        known = self._source.settled(), self._source.verdict
        await in_turns(self._saturation.sample(self._replicas.items(), readings, *known, now))
        now = self._clock()
        self.flows.sample(self._queues.items(), readings, now)
        if self._advance(now, readings) or weighed:
            self._changed()
        await in_turns(self.alerting.sample(readings))
        if now - self._judged_at >= _ALERT_INTERVAL:
            self._judged_at = now
            try:
                counters = await counted()
            except LateReplyError:  # of a worker that hangs, which others say: nothing is known
                return
            await in_turns(self.alerting.judge(counters, self._not_serving(), now))

    async def _weigh(self, sampled: Sampled) -> bool:
        """Take in what was sampled since; whether sampling is to change."""
        try:
            taken = await sampled()
        except LateReplyError:  # of a worker that hangs: shares move all the same
            return False
        return self.weighing.take(taken, self._clock())

    def _adopt(self, config: Config, targets: ProbeTargets) -> None:
        services = config.service
        probed = {t: (known.endpoint.url, known.settings) for t, known in targets.by_id.items()}
        told = self._saturation.told
        for target in [t for t in told if probed.get(t) != self._probed.get(t)]:
            del told[target]
        self._probed = probed
        self._config = config
        self._measured = [(n, s, saturation_target_of(s.spill)) for n, s in services.items()]
        self._replicas = {
            Replica(target, saturation_target): fresh_seconds(targets.by_id[target].settings)
            for name, service, saturation_target in self._measured
            for region in service.regions
            for target in targets.ids[(name, region)]
            if reads(targets.by_id[target].settings)
        }
        self._capacities = {
            name: region.effective_capacity for name, region in config.region.items()
        }
        self._queues = {
            target: targets.by_id[target].settings
            for name, service in services.items()
            if service.policy == "ttft"
            for region in service.regions
            for target in targets.ids[(name, region)]
        }
        self._telling = {
            t: load_optional(probe) for t, (_, probe) in probed.items() if tells_load(probe)
        }
        self._flowing = frozenset(t for t, (_, probe) in probed.items() if tells_flow(probe))
        self.weighing.adopt(services, self._clock())
        self.alerting.adopt(config, targets)

    def _loads(self) -> Mapping[str, LoadReadings]:
        """The latest readings; nothing, and nobody is asked, where no probe reads any."""
        return self._source.loads() if self._replicas else {}

    def _advance(self, now: float, readings: Mapping[str, LoadReadings]) -> bool:
        """Move the shares of every service as they should be now; whether any has moved."""
        known: dict[tuple[str, SaturationTarget, float, bool, bool], RegionLoad] = {}
        moved = False
        highest, degrades = self._saturation.highest, self.alerting.degrades
        for name, _, saturation_target in self._measured:
            rule = self.spilling.rule(name)
            if rule is None:
                continue
            costs = self.spilling.cost_rule(name) is not None
            said = self.spilling.said(name)
            calm = self.spilling.rests(name) and not costs
            if calm and highest < rule.start and not degrades:
                continue
            loads = {}
            slowly = bool(rule.slow_start)
            for region, planned in self._plan.services[name].own.items():
                key = planned.site, saturation_target, rule.start, slowly, costs
                if key not in known:
                    level = self._level(planned, saturation_target)
                    started = _started(planned, readings) if slowly else None
                    load = self._load(region, planned, level, rule.start, started, readings)
                    known[key] = replace(load, flow=self._flow(region, planned)) if costs else load
                loads[region] = known[key]
                if region in said:
                    loads[region] = replace(known[key], said=said[region].share)
            moved |= self.spilling.advance(name, loads, now)
            self.weighing.place(name, self.spilling.shares_of(name, now))
        return moved

    def _is_measured(self, planned: RegionPlan) -> bool:
        """Whether its load should be known: not where all that was read of it never told any."""
        told, optional = self._saturation.told, self._telling
        return any(
            told.get(endpoint.target, True) or not optional[endpoint.target]
            for endpoint in planned.endpoints
            if endpoint.target in optional
        )

    def _load(
        self,
        region: str,
        planned: RegionPlan,
        level: Level,
        start: float,
        started: float | None,
        readings: Mapping[str, LoadReadings],
    ) -> RegionLoad:
        serves = self._judged[planned.site].verdict.serves
        saturation, latest = level.saturation, level.latest
        if self.alerting.degraded(region):
            saturation = latest = max(start, saturation or 0.0, latest or 0.0)
        capacity = self._capacities[region] * (1 - self._lost(planned, readings))
        return RegionLoad(
            serves,
            capacity,
            saturation,
            latest,
            level.at,
            started,
            measured=self._is_measured(planned),
            flow_measured=any(e.target in self._flowing for e in planned.endpoints),
        )

    def _lost(self, planned: RegionPlan, readings: Mapping[str, LoadReadings]) -> float:
        """The share of a region's capacity that serves nobody although its endpoints serve."""
        verdicts = self._judged[planned.site].endpoints
        lost = [
            readings[e.target].lost if e.target in readings else 0.0
            for e in planned.endpoints
            if verdicts[e.target].serves
        ]
        return sum(lost) / len(lost) if lost else 0.0

    def _level(self, planned: RegionPlan, saturation_target: SaturationTarget) -> Level:
        """How full a region is: the mean of the endpoints that serve and are known."""
        verdicts = self._judged[planned.site].endpoints
        serving = (e.target for e in planned.endpoints if verdicts[e.target].serves)
        return self._saturation.level(serving, saturation_target)

    def _flow(self, region: str, planned: RegionPlan) -> Flow | None:
        """What goes through a region; of one that an alert degrades, what it has is the most."""
        verdicts = self._judged[planned.site].endpoints
        flow = self.flows.flow(e.target for e in planned.endpoints if verdicts[e.target].serves)
        if flow is not None and self.alerting.degraded(region):
            max_rate = min(flow.max_rate or math.inf, flow.arrivals)
            return flow._replace(max_rate=max(_MIN_RATE, max_rate))
        return flow

    def _not_serving(self) -> set[tuple[str, str]]:
        """The regions that do not serve, by service."""
        return {
            (name, region)
            for name, service in self._plan.services.items()
            for region, planned in service.own.items()
            if not self._judged[planned.site].verdict.serves
        }


def _round_trips(config: Config, plan: Plan) -> dict[str, RoundTrips]:
    """What a round trip costs who stands where each region does, of the services by cost."""
    return {
        name: {region: planned.clients.from_region(region)[1] for region in planned.own}
        for name, planned in plan.services.items()
        if config.service[name].policy == "ttft"
    }


def _started(planned: RegionPlan, readings: Mapping[str, LoadReadings]) -> float | None:
    """When the newest of a region's processes started, in Unix seconds."""
    starts = [readings[e.target].started for e in planned.endpoints if e.target in readings]
    return max((started for started in starts if started is not None), default=None)
