"""Every region's verdict at once, for those who watch rather than answer.

A region is judged once; where services override its probe, once for each set of targets, and
then under the name REGION@SERVICE.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.health.verdict import Verdict
from resolverd.snapshot.model import Plan, RegionPlan
from resolverd.snapshot.steer import World, endpoint_verdict, judge_region


class JudgedRegion(NamedTuple):
    """A region as some services see it; `endpoints` are verdicts by probe target."""

    name: str
    region: str
    services: tuple[str, ...]
    verdict: Verdict
    endpoints: dict[str, Verdict]


def judge_regions(plan: Plan, world: World, now: float) -> dict[str, JudgedRegion]:
    """The regions of every service by name, as they stand at `now` (monotonic seconds)."""
    judged: dict[str, JudgedRegion] = {}
    for service_name, service in plan.services.items():
        for region, planned in service.regions.items():
            name = _name(region, service_name, planned)
            known = judged.get(name)
            if known is not None:
                judged[name] = known._replace(services=(*known.services, service_name))
                continue
            endpoints = {
                e.target: endpoint_verdict(e.target, world, now) for e in planned.endpoints
            }
            verdict = judge_region(region, planned, list(endpoints.values()), world, now)
            judged[name] = JudgedRegion(name, region, (service_name,), verdict, endpoints)
    return judged


def _name(region: str, service: str, planned: RegionPlan) -> str:
    """A target that is this service's own has the service's name after an @."""
    own = any(endpoint.target.endswith(f"@{service}") for endpoint in planned.endpoints)
    return f"{region}@{service}" if own else region
