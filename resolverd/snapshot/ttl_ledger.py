"""How long the answers given so far may be kept: when the last one that names a region runs out.

It is an upper bound, from the TTLs that Plans allow and not from answers one by one, and it holds
for resolvers that obey TTLs. What a CNAME leads to has a TTL of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.snapshot.model import Plan


class _Retired(NamedTuple):
    """The longest TTL of each (service, region) of a Plan that was served until `until`."""

    until: float
    ttls: dict[tuple[str, str], float]


class TtlLedger:
    """Remembers the TTLs of Plans that are served no more, for as long as their answers live."""

    def __init__(self) -> None:
        self._retired: list[_Retired] = []
        self._known: tuple[Plan, dict[str, int]] | None = None  # the ceilings of what is served

    def retire(self, plan: Plan, now: float) -> None:
        """Another Plan is served instead of `plan` since `now` (monotonic seconds)."""
        ttls = {(s.name, region): s.ttl for s in plan.services.values() for region in s.regions}
        self._retired = [retired for retired in self._retired if _longest(retired) > now]
        self._retired.append(_Retired(now, ttls))
        self._known = None

    def remaining_ttls(self, plan: Plan, region: str, now: float) -> dict[str, float]:
        """Seconds, by service, for which an answer that names `region` may live after `now`."""
        naming = [service for service in plan.services.values() if region in service.regions]
        ceilings = self._ceilings_of(plan) if naming else {}
        left = {s.name: min(s.ttl, ceilings.get(s.name, 0)) for s in naming}
        for retired in self._retired:
            for (service_name, named), ttl in retired.ttls.items():
                if named == region and retired.until + ttl > now:
                    left[service_name] = max(left.get(service_name, 0.0), retired.until + ttl - now)
        return left

    def longest_ttl(self, plan: Plan, region: str, now: float) -> float:
        """The most of these seconds; 0 where no answer names `region`."""
        return max(self.remaining_ttls(plan, region, now).values(), default=0.0)

    def _ceilings_of(self, plan: Plan) -> dict[str, int]:
        """Reckoned once for each Plan, as all its zones are walked for them."""
        if self._known is None or self._known[0] is not plan:
            self._known = plan, _ceilings(plan)
        return self._known[1]


def _longest(retired: _Retired) -> float:
    return retired.until + max(retired.ttls.values(), default=0.0)


def _ceilings(plan: Plan) -> dict[str, int]:
    """The longest TTL that the DYNA records of each service allow."""
    found: dict[str, int] = {}
    for zone in plan.zones.values():
        for _, node in zone.steered_nodes():
            if node.dyna is not None:
                service = plan.service_of(node.dyna).name
                found[service] = max(found.get(service, 0), node.dyna.ttl)
    return found
