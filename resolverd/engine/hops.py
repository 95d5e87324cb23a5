"""The two hops of a pair of services for one client: to the edge, and on to the core.

The way to the edge region is the client's, that to the core region begins at the edge region. Each
is as long as the great circle, and takes what is expected where the service is steered by times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import great_circle_km
from resolverd.geo.place import Place
from resolverd.snapshot.clientmap import LazyClientMap, Ranking, Trace, first_of
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.model import Dyna, ServicePlan, Snapshot
from resolverd.snapshot.tiers import Given, give


@dataclass(frozen=True, slots=True)
class Hop:
    """The way to `region` of `service`, which is None where it gives none.

    `start` is the region where it begins, None for the client. `ms` is None where the service is
    not steered by times.
    """

    service: str
    start: str | None
    region: str | None
    km: float | None
    ms: float | None


@dataclass(frozen=True, slots=True)
class Hops:
    """Both ways, and their sums; None where one of them is not known."""

    edge: Hop
    core: Hop
    km: float | None
    ms: float | None


def hops_of(snapshot: Snapshot, dyna: Dyna, client: Prefix) -> Hops | None:
    """The hops of a client that asks for a DYNA of a pair; None for one of a service alone."""
    edge_service = snapshot.plan.services[dyna.service]
    if edge_service.core is None:
        return None
    given = give(snapshot, Dyna(dyna.service, dyna.ttl, behind=True), client)
    assert given.edge is not None, "what is behind an edge service is given by two"
    rankings = [ranking_of(service) for service in (edge_service, given.service)]
    edge = _from_client(given.edge, rankings, client)
    if edge.region is None:
        core = _from_client(given, rankings[1:], client)
        return Hops(edge, core, core.km, core.ms)
    core = _from_region(edge.region, given, rankings)
    return Hops(edge, core, _sum(edge.km, core.km), _sum(edge.ms, core.ms))


def hops_from(document: Mapping[str, Any]) -> Hops:
    """The hops that JSON tells."""
    ways = {name: Hop(**document[name]) for name in ("edge", "core")}
    return Hops(**{**document, **ways})


def ranking_of(service: ServicePlan) -> Ranking:
    """How the map of a service orders its regions."""
    clients = service.clients
    assert isinstance(clients, LazyClientMap | CompiledClientMap), "every map of a Plan is one"
    return clients.ranked


def at_region(region: str, ranked: Ranking) -> Place:
    """The place where a region stands that the ranking knows."""
    return Place(*ranked.coordinates[region], None, None, "region")


def _from_client(given: Given, rankings: list[Ranking], client: Prefix) -> Hop:
    """The way from the client; the first of `rankings` that has the region tells its length."""
    name, region = given.service.name, given.cached.region
    if region is None:
        return Hop(name, None, None, None, None)
    trace = _trace(given.service, client)
    ranked = next(one for one in rankings if region in one.regions)
    row = ranked.latency.around(first_of(trace.extracted))[0] if ranked.latency else ()
    ms = None
    if ranked.latency is not None:
        ms = ranked.latency.times(trace.origin, row)[ranked.regions.index(region)]
    return Hop(name, None, region, _km(trace.origin, region, ranked), _rounded(ms))


def _from_region(start: str, given: Given, rankings: list[Ranking]) -> Hop:
    name, region, ranked = given.service.name, given.cached.region, rankings[1]
    if region is None:
        return Hop(name, start, None, None, None)
    here = at_region(start, next(one for one in rankings if start in one.regions))
    ms = None
    if ranked.latency is not None:
        ms = ranked.latency.of_place(here)[ranked.regions.index(region)]
    return Hop(name, start, region, _km(here, region, ranked), _rounded(ms))


def _km(place: Place, region: str, ranked: Ranking) -> float:
    assert place.point is not None, "who is ranked has the edge's point at least"
    return round(great_circle_km(place.point, ranked.coordinates[region]), 1)


def _trace(service: ServicePlan, client: Prefix) -> Trace:
    clients = service.clients
    assert isinstance(clients, LazyClientMap | CompiledClientMap), "every map of a Plan is one"
    return clients.trace(client)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one + other, 1)


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)
