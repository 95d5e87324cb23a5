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

    def retire(self, plan: Plan, now: float) -> None:
        """Another Plan is served instead of `plan` since `now` (monotonic seconds)."""
        ttls = {(s.name, region): s.ttl for s in plan.services.values() for region in s.regions}
        self._retired = [retired for retired in self._retired if _longest(retired) > now]
        self._retired.append(_Retired(now, ttls))

    def remaining_ttls(self, plan: Plan, region: str, now: float) -> dict[str, float]:
        """Seconds, by service, for which an answer that names `region` may live after `now`."""
        ceilings = _ceilings(plan)
        left = {
            service.name: min(service.ttl, ceilings.get(service.name, 0))
            for service in plan.services.values()
            if region in service.regions
        }
        for retired in self._retired:
            for (service_name, named), ttl in retired.ttls.items():
                if named == region and retired.until + ttl > now:
                    left[service_name] = max(left.get(service_name, 0.0), retired.until + ttl - now)
        return left


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
