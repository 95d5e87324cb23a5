"""The shares of every service: a controller each, what it has done, and its log events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from resolverd import log
from resolverd.config.model import Service
from resolverd.policy.equalise import RoundTrips
from resolverd.policy.operator_rules import (
    OperatorRule,
    advance_by_rules,
    under_rules,
    with_room,
)
from resolverd.policy.share import NO_SHARE, Share
from resolverd.policy.shared_regions import Moved, moved_by, with_others
from resolverd.policy.spill import advance
from resolverd.policy.spill_by_cost import LAG, CostRule, advance_by_cost
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill, SpillRule


class Spilling:
    """The shares by service and region; `episodes` counts how often each began to spill.

    A service spills where its configuration has it do so, and under an operator's rule.
    """

    def __init__(self) -> None:
        self.episodes: Counter[tuple[str, str]] = Counter()
        self._spills: dict[str, Spill] = {}
        self._rules: dict[str, SpillRule] = {}
        self._enabled: frozenset[str] = frozenset()
        self._said: Mapping[str, Mapping[str, OperatorRule]] = {}
        self._costs: dict[str, CostRule] = {}
        # What readings may not show yet, by the region that sends it on, then by service.
        self._moved: dict[str, dict[str, list[Moved]]] = {}
        self._log = log.get("load")

    @property
    def spills(self) -> Mapping[str, Spill]:
        """What is known of each service that spills, for a later process to `resume`."""
        return {name: spill for name, spill in self._spills.items() if not self.rests(name)}

    def resume(self, spills: Mapping[str, Spill]) -> None:
        """Take over the state of spill, by service, that an earlier process kept."""
        self._spills = dict(spills)

    def adopt(
        self, services: Mapping[str, Service], rtt: Mapping[str, RoundTrips] = MappingProxyType({})
    ) -> None:
        """Follow these services' rules; shares stay where a service still spills.

        `rtt` are the round trips between the regions of each service whose shares cost moves.
        """
        self._rules = {name: rule_of(service) for name, service in services.items()}
        self._enabled = frozenset(n for n, service in services.items() if service.spill.enabled)
        self._costs = {
            name: cost_rule_of(services[name], trips)
            for name, trips in rtt.items()
            if name in self._enabled
        }
        for sender, by_service in self._moved.items():
            for name in [n for n in by_service if n in services]:
                if sender not in services[name].regions:
                    del by_service[name]
        self._drop_ended()

    def obey(self, said: Mapping[str, Mapping[str, OperatorRule]]) -> None:
        """Send on what operators say, by service and region; `advance` does."""
        self._said = {service: rules for service, rules in said.items() if rules}
        if self._rules:  # else it is not known yet who spills
            self._drop_ended()

    def advance(self, service: str, loads: Mapping[str, RegionLoad], now: float) -> bool:
        """Move the shares of a service as they should be now; whether any has moved."""
        rule = self.rule(service)
        if rule is None:
            return False
        costs = self._costs.get(service)
        full = any((load.saturation or 0.0) >= rule.start for load in loads.values())
        if self.rests(service) and not full and costs is None:
            self._remember(service, (), loads)
            return False
        before = self._spills.get(service, Spill())
        loads = self._with_others(service, before, loads, rule)
        if service not in self._enabled:
            made = advance_by_rules(before, loads, rule, now)
        elif costs is None:
            made = advance(before, loads, rule, now)
        else:
            made = advance_by_cost(before, loads, costs, now)
        after = self._spills[service] = with_room(before, made, loads, rule, now)
        shares, old = after.shares(now), before.shares(now)
        moved = moved_by(before, after, loads, rule.ttl, now) if shares != old else []
        self._remember(service, moved, loads)
        for region, load in loads.items():
            self._log_change(
                service, region, load, old.get(region, NO_SHARE), shares.get(region, NO_SHARE)
            )
        return shares != old

    def _with_others(
        self, service: str, spill: Spill, loads: Mapping[str, RegionLoad], rule: SpillRule
    ) -> Mapping[str, RegionLoad]:
        """The same loads, with what other services have moved that they may not show yet."""
        if not self._moved:
            return loads
        reckoned = {
            region
            for region, load in loads.items()
            if (load.saturation or 0.0) >= rule.start
            or spill.regions.get(region, RegionShare()).spill_ratio
        }
        others = [
            moved
            for sender, by_service in self._moved.items()
            if sender not in reckoned
            for name, moved in by_service.items()
            if name != service
        ]
        return with_others(loads, others, reckoned)

    def _remember(
        self, service: str, moved: Iterable[Moved], loads: Mapping[str, RegionLoad]
    ) -> None:
        """What a service has just moved, and of what it had that which is not shown yet."""
        for sender in loads.keys() & self._moved.keys():
            left = [o for o in self._moved[sender].pop(service, ()) if not o.shown(loads)]
            if left:
                self._moved[sender][service] = left
            elif not self._moved[sender]:
                del self._moved[sender]
        for one in moved:
            self._moved.setdefault(one.sender, {}).setdefault(service, []).append(one)

    def rests(self, service: str) -> bool:
        """Whether a service has no share, and none will come of a rule or a region's return."""
        spill, rule = self._spills.get(service), self.rule(service)
        if service in self._said:
            return False
        return not (rule and rule.slow_start) and (spill is None or not spill.shares(0.0))

    def said(self, service: str) -> Mapping[str, OperatorRule]:
        """What operators say of regions of a service."""
        return self._said.get(service, {})

    def cost_rule(self, service: str) -> CostRule | None:
        """What the shares of a service follow where cost moves them; else None."""
        return self._costs.get(service)

    def rule(self, service: str) -> SpillRule | None:
        """What the shares of a service follow; None where it moves none."""
        spills = service in self._enabled or service in self._said
        return self._rules.get(service) if spills else None

    def shares(self, now: float) -> dict[tuple[str, str], Share]:
        """The shares at `now` (monotonic), by (service, region), which the engines answer from."""
        return {
            (service, region): share
            for service in self._spills.keys() | self._said.keys()
            for region, share in self.shares_of(service, now).items()
        }

    def shares_of(self, service: str, now: float) -> dict[str, Share]:
        """The shares of one service at `now`, by region."""
        spill = self._spills.get(service)
        shares = spill.shares(now) if spill is not None else {}
        return under_rules(shares, self.said(service), now)

    def due(self, now: float) -> float | None:
        """When the next of the rounds to come is; None where none is known beforehand."""
        rounds = [s.due for s in self._spills.values() if s.due > now and s.shares(now)]
        return min(rounds, default=None)

    def _drop_ended(self) -> None:
        """Forget the shares of services that spill no more."""
        for by_service in self._moved.values():
            for service in [name for name in by_service if self.rule(name) is None]:
                del by_service[service]
        for service in [name for name in self._spills if self.rule(name) is None]:
            for region, share in self._spills.pop(service).shares(0.0).items():
                self._log_change(service, region, RegionLoad(serves=False), share, NO_SHARE)

    def _log_change(
        self, service: str, region: str, load: RegionLoad, old: Share, new: Share
    ) -> None:
        """Count an episode that begins, and one event for each step of what is sent on."""
        if old.spill_ratio == new.spill_ratio:
            return
        fields = {
            "service": service,
            "region": region,
            "share": round(new.spill_ratio, 3),
            "saturation": None if load.saturation is None else round(load.saturation, 2),
        }
        if not old.spill_ratio:
            self.episodes[(service, region)] += 1
            self._log.info("spill.begins", **fields)
        elif not new.spill_ratio:
            self._log.info("spill.ends", **fields)
        elif new.spill_ratio > old.spill_ratio:
            self._log.info("spill.grows", **fields)
        else:
            self._log.info("spill.shrinks", **fields)


def rule_of(service: Service) -> SpillRule:
    """A service's settings as the controller's rule; no two steps are closer than its TTL.

    Where blocks keep their regions, a step is carried out as their epochs end, and then felt as
    their TTLs do: the next one waits for that, and what is on its way counts until then.
    """
    spill, felt = service.spill, service.ttl + service.sticky
    return SpillRule(
        start=spill.start,
        end=spill.end,
        step=spill.step,
        max_ratio=spill.max_ratio,
        dwell=max(spill.dwell, felt),
        ttl=felt,
        slow_start=spill.slow_start,
    )


def cost_rule_of(service: Service, rtt: RoundTrips) -> CostRule:
    """The same where shares are moved by cost, in rounds that do not wait for TTLs.

    Epochs end evenly over `sticky`, so two thirds of a share are felt after two thirds of that.
    """
    spill = service.spill
    felt = service.ttl + service.sticky
    steps = math.ceil(spill.slow_start / max(spill.dwell, felt))
    return CostRule(
        rtt,
        step=spill.step,
        max_ratio=spill.max_ratio,
        ttl=felt,
        lag=LAG + service.sticky * 2 / 3,
        slow_share=min(spill.max_ratio, spill.step * steps),
    )
