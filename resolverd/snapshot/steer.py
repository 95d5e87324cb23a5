"""Steer: the Plan's regions seen through the verdicts of the moment.

Called on every verdict and, while any horizon is closer than a TTL, every `STALENESS` seconds. Its
cost does not depend on the number of clients: answers are filled in as they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from resolverd.dns.codes import AAAA, A
from resolverd.dns.sizes import MAX_ADDRESSES
from resolverd.dns.writer import RRsetWire
from resolverd.health.family import Family
from resolverd.health.verdict import Verdict
from resolverd.policy.decision import RegionStatus
from resolverd.policy.share import NO_SHARE, Share
from resolverd.policy.sticky import next_end
from resolverd.policy.ttl import source_ttl, still_for
from resolverd.snapshot.answered import Answered, answered
from resolverd.snapshot.compile import address_octets
from resolverd.snapshot.held import History, epochs_of, histories_at
from resolverd.snapshot.model import (
    JudgedRegion,
    Plan,
    RegionPlan,
    RegionRecords,
    ServicePlan,
    Steering,
)
from resolverd.snapshot.regions import World, has_address, judge_regions, measured_verdict

# How old a Steering may grow while a horizon is closer than a TTL, in seconds.
STALENESS = 1.0

# Seconds after which the end of a cohort's epochs is surely over: a timer may be early by as much.
_SURELY = 0.01

# Shares for which the statuses of one region are known: of the services that have it, rarely more.
_MAX_KNOWN = 8


class KnownAnswer(NamedTuple):
    """What a `region` that is planned so is answered with.

    `lasting`: that stays as it is while the region does, as no addresses of it are looked up.
    `statuses` are those, by share, that stay so too: time changes nothing in them.
    """

    region: JudgedRegion
    plan: RegionPlan
    best: Answered
    records: RegionRecords
    lasting: bool
    statuses: dict[Share, RegionStatus]


KnownAnswers = dict[tuple[str, bool], KnownAnswer]
"""By site, and whether the region has no hostname of its own."""


def steer(
    generation: int,
    plan: Plan,
    world: World,
    now: float,
    before: Mapping[str, History] = MappingProxyType({}),
    unix: float = 0.0,
    answers: KnownAnswers | None = None,
) -> Steering:
    """The Steering for `plan` at `now` (monotonic seconds), which is `unix` (Unix seconds).

    `before` are the histories of the Steering that it is to follow. `answers` are those of the one
    made last, and then of this one.
    """
    known_answers = answers or {}
    regions = judge_regions(plan, world, now)
    moving: dict[tuple[str, bool, Share], RegionStatus] = {}
    answered_with: KnownAnswers = {}
    statuses: dict[str, dict[str, RegionStatus]] = {}
    records: dict[str, dict[str, RegionRecords]] = {}
    for name, service in plan.services.items():
        statuses[name] = stands = {}
        records[name] = held = {}
        for region, planned in service.regions.items():
            share = _share(service, region, world)
            key = (planned.site, planned.cname is None)
            answer = answered_with.get(key)
            if answer is None:
                region_now, answer = regions[planned.site], known_answers.get(key)
                if answer is None or answer.region is not region_now or answer.plan is not planned:
                    answer = _answer(planned, region_now, world, now)
                answered_with[key] = answer
            held[region] = answer.records
            status = answer.statuses.get(share) or moving.get((*key, share))
            if status is None:
                ttl = plan.sites[planned.site].ttl
                status = _status(answer, _something(answer, world), share, now, ttl)
                if answer.lasting and _is_still(status):
                    _keep(answer.statuses, share, status)
                else:
                    moving[(*key, share)] = status
            stands[region] = status
    due = min(
        (
            _due(plan.sites[site].ttl, answer.records, now)
            for (site, _), answer in answered_with.items()
            if not answer.lasting
        ),
        default=math.inf,
    )
    still = min(
        (still_for(s, plan.sites[site].ttl, STALENESS) for (site, *_), s in moving.items()),
        default=math.inf,
    )
    calm = due > now and still > STALENESS
    if answers is not None:
        answers.clear()
        answers.update((key, answer) for key, answer in answered_with.items() if answer.lasting)
    histories = histories_at(plan, statuses, before, unix)
    ends = [_next_end(unix, plan.services[n].sticky) for n, h in histories.items() if h.moving]
    until = min(ends, default=math.inf)
    return Steering(
        generation, now, STALENESS, calm, statuses, records, regions,
        due=min(due, now + still, now + (until - unix)),
        epochs=epochs_of(plan, histories, unix, until),
        histories=histories,
    )  # fmt: skip


def _answer(planned: RegionPlan, region: JudgedRegion, world: World, now: float) -> KnownAnswer:
    judged = region.endpoints
    best = _answered(planned, judged, world, now)
    records = _records(planned, judged, best, world, now)
    lasting = not any(endpoint.hostname for endpoint in planned.endpoints)
    return KnownAnswer(region, planned, best, records, lasting, {})


def _is_still(status: RegionStatus) -> bool:
    """Whether time alone changes nothing in a status, and so is settled for whatever TTL."""
    return (
        status.since_change is None
        and status.answer_since_change is None
        and status.min_until_flip == status.answer_min_until_flip == status.steady == math.inf
    )


def _keep(statuses: dict[Share, RegionStatus], share: Share, status: RegionStatus) -> None:
    """Know one more of them; shares move on, and few of the services of a region differ."""
    if len(statuses) == _MAX_KNOWN:
        statuses.clear()
    statuses[share] = status


def stale_at(steering: Steering) -> float:
    """The moment (monotonic seconds) at which time alone asks for a new Steering; infinite: never.

    `due` counts where it lay ahead when the Steering was made: one that has passed since, while
    that was being published, is due now.
    """
    staleness = math.inf if steering.settled else steering.taken_at + steering.staleness
    return min(staleness, steering.due if steering.due > steering.taken_at else math.inf)


def _next_end(unix: float, sticky: float) -> float:
    """Until when the epochs of now are answered from: no Steering is made more often than usual."""
    end = next_end(unix, sticky)
    return (end if end >= unix + STALENESS else next_end(unix + STALENESS, sticky)) + _SURELY


def _share(service: ServicePlan, region: str, world: World) -> Share:
    """What a region sends on and takes; one behind an edge service as its core service has it.

    Blocks are weighed by the queries of the core's own clients, and not by these.
    """
    core = service.core
    if core is None or region not in core.behind:
        return world.shares.get((service.name, region), NO_SHARE)
    share = world.shares.get((core.service, region), NO_SHARE)
    return share._replace(positions=None, sampled=0)


def _due(ttl: float, records: RegionRecords, now: float) -> float:
    """The clock reading from which on what is left of a source's TTL is less than `ttl`."""
    sources = [source for source in (records.a_ttl, records.aaaa_ttl) if source is not None]
    return now + max(0.0, min(sources) - ttl) if sources else math.inf


def _status(
    answer: KnownAnswer, addresses: bool, share: Share, now: float, ttl: float
) -> RegionStatus:
    """A verdict, an answer and a share as the plain values that policy decides on.

    A change that is older than `ttl`, the longest that it is answered with, counts no longer.
    """
    verdict, best = answer.region.verdict, answer.best
    timed = verdict.override is not None and verdict.override.until is not None
    return RegionStatus(
        serves=verdict.serves and addresses,
        unknown=verdict.unknown,
        min_until_flip=max(0.0, verdict.no_flip_before - now),
        since_change=None if timed else _age(verdict.changed_at, now, ttl),
        spill_ratio=share.spill_ratio,
        accept_ratio=share.accept_ratio,
        steady=share.steady,
        positions=share.positions,
        sampled=share.sampled,
        spill_off=share.spill_off,
        has_addresses=addresses,
        alive=best.alive,
        answer_min_until_flip=max(0.0, best.no_flip_before - now),
        answer_since_change=_age(best.changed, now, ttl),
    )


def _age(changed_at: float | None, now: float, ttl: float) -> float | None:
    age = math.inf if changed_at is None else max(0.0, now - changed_at)
    return age if age < ttl else None


def _something(answer: KnownAnswer, world: World) -> bool:
    """Whether there is anything to hand out; where nobody looks names up, endpoints do."""
    records = answer.records
    known = any(rrset is not None for rrset in (records.a, records.aaaa, records.cname))
    return known or (not world.looked_up and bool(answer.best.endpoints))


def _answered(
    planned: RegionPlan, judged: Mapping[str, Verdict], world: World, now: float
) -> Answered:
    """The endpoints of the region's answer, should it be answered."""
    able = [endpoint for endpoint in planned.endpoints if has_address(endpoint, planned, world)]
    measured = {endpoint.target: measured_verdict(endpoint.target, world, now) for endpoint in able}
    return answered(able, judged, measured)


def _records(
    planned: RegionPlan, judged: Mapping[str, Verdict], best: Answered, world: World, now: float
) -> RegionRecords:
    """The addresses of those endpoints, for as long as their sources allow.

    Of one that serves over one family alone, the addresses of that. Where there is no endpoint with
    an address, the sources still say how long there is none.
    """
    v4: dict[bytes, None] = {}
    v6: dict[bytes, None] = {}
    a_until = aaaa_until = math.inf
    for endpoint in best.endpoints or planned.endpoints:
        a, aaaa = endpoint.a, endpoint.aaaa
        if endpoint.hostname:
            resolved = world.resolved(endpoint.hostname)
            a, aaaa = address_octets(resolved.addresses)
            a_until, aaaa_until = (
                min(a_until, resolved.a_until),
                min(aaaa_until, resolved.aaaa_until),
            )
        withheld = judged[endpoint.target].withheld if best.alive else frozenset()
        v4 |= dict.fromkeys(() if Family.IPV4 in withheld else a)
        v6 |= dict.fromkeys(() if Family.IPV6 in withheld else aaaa)
    return RegionRecords(
        _rrset(A, v4),
        _rrset(AAAA, v6),
        planned.cname,
        source_ttl(a_until - now, staleness=STALENESS),
        source_ttl(aaaa_until - now, staleness=STALENESS),
    )


def _rrset(rtype: int, addresses: Mapping[bytes, None]) -> RRsetWire | None:
    """The first of them, as many as any answer has room for: look-ups may bring more."""
    most = MAX_ADDRESSES[4 if rtype == A else 6]
    rdatas = tuple((octets,) for octets in islice(addresses, most))
    return RRsetWire(rtype, 0, rdatas) if rdatas else None
