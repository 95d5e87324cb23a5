"""How long the answers given so far may be kept: when the last one that names a region runs out.

It is an upper bound, from the TTLs that Plans allow and not from answers one by one, and it holds
for resolvers that obey TTLs. What a CNAME leads to has a TTL of its own.

Resolvers keep what an earlier process has answered too. So the next one resumes with what this one
has given; until it alone answers, a standby may go on with what was served before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from resolverd.snapshot.model import Plan

Named = tuple[str, str]
"""A service, and a region that its answers name."""


class Given(NamedTuple):
    """What answers of one service that name one region have allowed.

    `ttl` is the longest TTL in seconds by what is served, 0 where that names it no more. `until` is
    when those given by what was served before have run out (s, monotonic); -inf where none were.
    """

    ttl: float = 0.0
    until: float = -math.inf


class TtlLedger:
    """Remembers the TTLs of Plans that are served no more, for as long as their answers live."""

    def __init__(self) -> None:
        self._until: dict[Named, float] = {}
        self._before: dict[Named, float] = {}  # the TTLs of an earlier process
        self._known: tuple[Plan, dict[Named, float]] | None = None  # of what is served

    def resume(self, given: Mapping[Named, Given]) -> None:
        """An earlier process has `given` these, and may answer still."""
        self._until = {named: own.until for named, own in given.items()}
        self._before = {named: own.ttl for named, own in given.items()}

    def succeed(self, now: float) -> None:
        """The earlier process answers no more since `now` (monotonic seconds)."""
        self._end(self._before, now)
        self._before = {}

    def retire(self, plan: Plan, now: float) -> None:
        """Another Plan is served instead of `plan` since `now` (monotonic seconds)."""
        self._end(self._ttls_of(plan), now)
        self._known = None

    def given(self, plan: Plan, now: float) -> dict[Named, Given]:
        """What a later process has to resume with, while `plan` is served."""
        ttls, until = self._served(plan), self._until
        lasting = {named for named in until if until[named] > now}
        return {
            named: Given(ttls.get(named, 0.0), until[named] if named in lasting else -math.inf)
            for named in ttls.keys() | lasting
        }

    def remaining_ttls(self, plan: Plan, region: str, now: float) -> dict[str, float]:
        """Seconds, by service, for which an answer that names `region` may live after `now`."""
        named_now = any(region in service.regions for service in plan.services.values())
        served = self._served(plan) if named_now else self._before
        left = {service: ttl for (service, named), ttl in served.items() if named == region}
        for (service, named), until in self._until.items():
            if named == region and until > now:
                left[service] = max(left.get(service, 0.0), until - now)
        return left

    def longest_ttl(self, plan: Plan, region: str, now: float) -> float:
        """The most of these seconds; 0 where no answer names `region`."""
        return max(self.remaining_ttls(plan, region, now).values(), default=0.0)

    def _end(self, ttls: Mapping[Named, float], now: float) -> None:
        """What allowed these TTLs is served no more."""
        self._until = {named: until for named, until in self._until.items() if until > now}
        for named, ttl in ttls.items():
            self._until[named] = max(self._until.get(named, -math.inf), now + ttl)

    def _served(self, plan: Plan) -> Mapping[Named, float]:
        """The TTLs that may be given now, by this process or by the one before it."""
        own = self._ttls_of(plan)
        if not self._before:
            return own
        both = own.keys() | self._before.keys()
        return {named: max(own.get(named, 0.0), self._before.get(named, 0.0)) for named in both}

    def _ttls_of(self, plan: Plan) -> dict[Named, float]:
        """Reckoned once for each Plan, as all its zones are walked for them."""
        if self._known is None or self._known[0] is not plan:
            self._known = plan, _ttls(plan)
        return self._known[1]


def _ttls(plan: Plan) -> dict[Named, float]:
    """The longest TTL of each service's answers, by the regions that these may name."""
    ceilings = _ceilings(plan)
    return {
        (service.name, region): min(service.ttl, ceilings.get(service.name, 0))
        for service in plan.services.values()
        for region in service.regions
    }


def _ceilings(plan: Plan) -> dict[str, int]:
    """The longest TTL that the DYNA records of each service allow."""
    found: dict[str, int] = {}
    for zone in plan.zones.values():
        for _, node in zone.steered_nodes():
            if node.dyna is not None:
                service = plan.service_of(node.dyna).name
                found[service] = max(found.get(service, 0), node.dyna.ttl)
    return found
