"""Every region's verdict at one moment, from verdicts on endpoints and operators' overrides.

A `World` that is judged carries its regions with it, so that all who look at one moment see one
judgement: `judge` makes it, and `judge_regions` of it costs nothing. Of thousands of endpoints a
few change at a time: what `judge` costs depends on how many regions those are of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, compress
from operator import is_not
from types import MappingProxyType
from typing import NamedTuple

from resolverd.config.targets import endpoint_and_probe
from resolverd.health.mismatch import PeerMismatch
from resolverd.health.overrides import Overrides
from resolverd.health.region import region_verdict
from resolverd.health.resolved import Resolved
from resolverd.health.service_windows import ServiceWindow
from resolverd.health.verdict import UNKNOWN, State, Verdict, overridden
from resolverd.policy.share import Share
from resolverd.snapshot.model import EndpointPlan, JudgedRegion, Plan, RegionPlan, Site


class _Judged(NamedTuple):
    """Who is judged under a Plan: its sites by all that may be said a word of.

    `of_key` has those by probe target, endpoint and region. `probed` are the sites of whose
    endpoints no addresses are looked up: unless more is said, probes alone say how they stand.
    """

    of_key: Mapping[str, set[str]]
    probed: frozenset[str]

    @classmethod
    def of(cls, plan: Plan) -> _Judged:
        of_key: dict[str, set[str]] = {}
        probed = []
        for name, site in plan.sites.items():
            endpoints = site.planned.endpoints
            for endpoint in endpoints:
                for key in (endpoint.target, endpoint_and_probe(endpoint.target)[0]):
                    of_key.setdefault(key, set()).add(name)
            of_key.setdefault(site.region, set()).add(name)
            if not any(endpoint.hostname for endpoint in endpoints):
                probed.append(name)
        return cls(of_key, frozenset(probed))

    def sites_of(self, keys: Iterable[str]) -> set[str]:
        """The sites that any of these is a target, an endpoint or the region of."""
        return {name for key in keys for name in self.of_key.get(key, ())}

    def plain(self, world: World) -> frozenset[str]:
        """The sites of which nobody but probes says how they stand in `world` at the moment."""
        contradicted = [t for t, m in world.mismatches.items() if m.difference is not None]
        said = (world.overrides.keys(), contradicted, world.service_windows)
        return self.probed - self.sites_of(chain.from_iterable(said)) if any(said) else self.probed


_Over = tuple[Mapping[str, float], Mapping[str, PeerMismatch]]


class Judgement(NamedTuple):
    """The regions by site under the Plan of `generation`, as they stood at `at` (monotonic).

    `plain` are the sites of which `verdicts`, by probe target, said how they stand, with what is
    `over` and holds as it is: when words ended, and when servers were no longer contradicted.
    """

    generation: int
    at: float
    regions: dict[str, JudgedRegion]
    verdicts: Mapping[str, Verdict]
    plain: frozenset[str]
    judged: _Judged
    over: _Over


class World(NamedTuple):
    """What is known of the world: verdicts by probe target, overrides, addresses of hostnames.

    `service_windows` are by region, of those that have hours of service, `mismatches` by probe
    target, of those that their peers contradict. `shares` are by service and region; a region that
    has none keeps its clients, and takes no other's. Where hostnames are not `looked_up` each is
    taken to have an address. `judgement` is None until `judge` has been here.
    """

    verdicts: Mapping[str, Verdict]
    overrides: Overrides
    resolved: Callable[[str], Resolved]
    shares: Mapping[tuple[str, str], Share] = MappingProxyType({})
    service_windows: Mapping[str, ServiceWindow] = MappingProxyType({})
    mismatches: Mapping[str, PeerMismatch] = MappingProxyType({})
    looked_up: bool = True
    judgement: Judgement | None = None


def judge(plan: Plan, world: World, now: float, earlier: Judgement | None = None) -> World:
    """`world` with its regions judged under `plan` at `now` (monotonic seconds).

    What `earlier` has of sites that stand as they did then is taken from there: the same objects.
    """
    over = _over(world)
    if earlier is None or earlier.generation != plan.generation:
        judged = _Judged.of(plan)
        regions, plain = _judge_all(plan, world, now), judged.plain(world)
    else:
        judged = earlier.judged
        plain = judged.plain(world)
        verdicts = changed_verdicts(world.verdicts, earlier.verdicts)
        changed = judged.sites_of(chain(verdicts, _moved(over, earlier.over)))
        same = (plain & earlier.plain) - changed
        regions = {
            name: earlier.regions[name] if name in same else _judged(name, site, world, now)
            for name, site in plan.sites.items()
        }
    judgement = Judgement(plan.generation, now, regions, world.verdicts, plain, judged, over)
    return world._replace(judgement=judgement)


def _over(world: World) -> _Over:
    ended = {t: m for t, m in world.mismatches.items() if m.difference is None}
    return world.overrides.ends(), ended


def _moved(now: _Over, before: _Over) -> Iterator[str]:
    """The keys of what is over since, or is no longer over."""
    for known, then in zip(now, before, strict=True):
        yield from (key for key in known.keys() | then.keys() if known.get(key) != then.get(key))


def changed_verdicts(now: Mapping[str, Verdict], before: Mapping[str, Verdict]) -> Collection[str]:
    """The targets of which the one says something else than the other, or which it lacks.

    Nearly all are the same objects, which is looked at in one go, for a good deal less than each
    would cost by itself.
    """
    if now is before:
        return ()
    others = list(compress(now, map(is_not, now.values(), map(before.get, now))))
    new = sum(target not in before for target in others)
    gone = before.keys() - now.keys() if len(now) - new < len(before) else ()
    return [*gone, *(t for t in others if t not in before or now[t] != before[t])]


def judge_regions(plan: Plan, world: World, now: float) -> dict[str, JudgedRegion]:
    """The regions of every service by site, as they stand at `now` (monotonic seconds).

    Those of a world that is judged under `plan` are as they were judged.
    """
    judgement = world.judgement
    if judgement is not None and judgement.generation == plan.generation:
        return judgement.regions
    return _judge_all(plan, world, now)


def _judge_all(plan: Plan, world: World, now: float) -> dict[str, JudgedRegion]:
    return {name: _judged(name, site, world, now) for name, site in plan.sites.items()}


def _judged(name: str, site: Site, world: World, now: float) -> JudgedRegion:
    endpoints = {e.target: _endpoint_verdict(e, site, world, now) for e in site.planned.endpoints}
    override, ended = world.overrides.get(site.region, now), world.overrides.ended(site.region, now)
    window = world.service_windows.get(site.region)
    if window is not None and override is None:
        override, ended = window.override, _later(ended, window.changed_at if window.open else None)
    verdict = region_verdict(
        list(endpoints.values()),
        site.planned.min_endpoints,
        override,
        now=now,
        ended=ended,
    )
    if window is not None:
        verdict = window.with_boundary(verdict, now, site.ttl)
    return JudgedRegion(name, site.region, site.services, verdict, endpoints)


def has_address(endpoint: EndpointPlan, region: RegionPlan, world: World) -> bool:
    """Whether a region's answer has all that it needs of an endpoint.

    A region that is answered by its own hostname hands out none of its endpoints' addresses, and
    can do without.
    """
    return (
        not endpoint.hostname
        or region.cname is not None
        or not world.looked_up
        or bool(world.resolved(endpoint.hostname).addresses)
    )


def _later(one: float | None, other: float | None) -> float | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def measured_verdict(target: str, world: World, now: float) -> Verdict:
    """What is measured of one probe target, whatever operators say of it."""
    verdict, mismatch = world.verdicts.get(target, UNKNOWN), world.mismatches.get(target)
    return verdict if mismatch is None else mismatch.over(verdict, now)


def _endpoint_verdict(endpoint: EndpointPlan, site: Site, world: World, now: float) -> Verdict:
    """The verdict on one endpoint, under its override if there is one.

    One that has no address to hand out does not serve, whatever probes and operators say.
    """
    verdict = _probed(endpoint.target, world, now)
    if not endpoint.hostname or site.planned.cname is not None or not world.looked_up:
        return verdict
    return with_addresses(verdict, world.resolved(endpoint.hostname), now)


def with_addresses(verdict: Verdict, resolved: Resolved, now: float) -> Verdict:
    """`verdict` on an endpoint whose addresses are those of a hostname.

    Without any it is down, or unknown before anything is known of the name; and may change at the
    next lookup. Losing the last one, and having one again, are changes.
    """
    if not resolved.addresses:
        state = State.DOWN if resolved.known else State.UNKNOWN
        return replace(
            verdict,
            state=state,
            changed_at=resolved.changed,
            reason=resolved.reason,
            min_until_flip=0.0,
            probed_at=now,
        )
    return replace(verdict, changed_at=_later(verdict.changed_at, resolved.changed))


def _probed(target: str, world: World, now: float) -> Verdict:
    override, ended = None, None
    for key in dict.fromkeys((target, endpoint_and_probe(target)[0])):
        override = override or world.overrides.get(key, now)
        ended = _later(ended, world.overrides.ended(key, now))
    return overridden(measured_verdict(target, world, now), override, now, ended)
