"""Steer: the Plan's regions seen through the verdicts of the moment.

Called on every verdict and, while any horizon is moving, every `STALENESS` seconds. Its
cost does not depend on the number of clients: cells are filled as they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from resolverd.dns.codes import AAAA, A
from resolverd.dns.writer import RRsetWire
from resolverd.health.overrides import Overrides
from resolverd.health.region import region_verdict
from resolverd.health.verdict import UNKNOWN, Verdict, overridden
from resolverd.policy.decision import Standing
from resolverd.policy.ttl import settled
from resolverd.snapshot.compile import address_octets
from resolverd.snapshot.model import EndpointPlan, Offer, Plan, RegionPlan, Steering

# How old a Steering may grow while horizons move, in seconds.
STALENESS = 1.0


class World(NamedTuple):
    """What is known of the world: verdicts by probe target, overrides, resolved addresses."""

    verdicts: Mapping[str, Verdict]
    overrides: Overrides
    addresses: Callable[[str], tuple[str, ...]]


def steer(generation: int, plan: Plan, world: World, now: float) -> Steering:
    """The Steering for `plan` at `now` (monotonic seconds)."""
    standings: dict[str, dict[str, Standing]] = {}
    offers: dict[str, dict[str, Offer]] = {}
    seen: dict[tuple[str, RegionPlan], tuple[Standing, Offer]] = {}
    calm = True
    for name, service in plan.services.items():
        standings[name], offers[name] = {}, {}
        for region, planned in service.regions.items():
            # Services mostly share their regions, and then what is known of them too.
            if (region, planned) not in seen:
                judged = [endpoint_verdict(e.target, world, now) for e in planned.endpoints]
                verdict = judge_region(region, planned, judged, world, now)
                standing = standing_of(verdict, now)
                seen[region, planned] = standing, _offer(planned, judged, world)
            standings[name][region], offers[name][region] = seen[region, planned]
            calm = calm and settled(standings[name][region], service.ttl)
    return Steering(generation, now, STALENESS, calm, standings, offers)


def endpoint_verdict(target: str, world: World, now: float) -> Verdict:
    """The verdict on one probe target, under an override of the endpoint if there is one."""
    name = target.partition("@")[0]
    return overridden(
        world.verdicts.get(target, UNKNOWN),
        world.overrides.get(name, now),
        now,
        world.overrides.ended(name, now),
    )


def judge_region(
    region: str, planned: RegionPlan, judged: list[Verdict], world: World, now: float
) -> Verdict:
    """The verdict on a region, from those on its endpoints and from its own override."""
    return region_verdict(
        judged,
        planned.min_endpoints,
        world.overrides.get(region, now),
        now=now,
        ended=world.overrides.ended(region, now),
    )


def standing_of(verdict: Verdict, now: float) -> Standing:
    """A verdict as the plain values that policy decides on."""
    timed = verdict.override is not None and verdict.override.until is not None
    return Standing(
        serves=verdict.serves,
        unknown=verdict.unknown,
        soonest=max(0.0, verdict.earliest - now),
        changed=None if timed or verdict.since is None else max(0.0, now - verdict.since),
    )


def _offer(planned: RegionPlan, judged: list[Verdict], world: World) -> Offer:
    """The endpoints that serve; all of them where none does, should the region be answered."""
    serving = [e for e, v in zip(planned.endpoints, judged, strict=True) if v.serves]
    v4: dict[bytes, None] = {}
    v6: dict[bytes, None] = {}
    for endpoint in serving or planned.endpoints:
        a, aaaa = _addresses(endpoint, world)
        v4 |= dict.fromkeys(a)
        v6 |= dict.fromkeys(aaaa)
    return Offer(_rrset(A, v4), _rrset(AAAA, v6), planned.cname)


def _addresses(endpoint: EndpointPlan, world: World) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if endpoint.hostname:
        return address_octets(world.addresses(endpoint.hostname))
    return endpoint.a, endpoint.aaaa


def _rrset(rtype: int, addresses: Mapping[bytes, None]) -> RRsetWire | None:
    return RRsetWire(rtype, 0, tuple((octets,) for octets in addresses)) if addresses else None
