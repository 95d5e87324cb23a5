"""From where the regions of a service are looked at for one answer, and in which order they stand.

As a rule from the client. Of a core behind an edge service, from the edge region that the client is
given; of an edge service, the core's regions stand behind its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.engine.hops import at_region, ranking_of
from resolverd.engine.orders import Order, order_given, order_seen_from, with_those_behind
from resolverd.geo.distance import great_circle_km
from resolverd.geo.place import Place
from resolverd.snapshot.clientmap import Ranking, Trace
from resolverd.snapshot.model import Plan
from resolverd.snapshot.pairs import near
from resolverd.snapshot.tiers import Given, regions_behind


class View(NamedTuple):
    """The order of a service's regions, and how many km each of them is away."""

    order: Order
    distances: Mapping[str, float]


def view_of(given: Given, trace: Trace, policy: str, plan: Plan, client: Prefix) -> View:
    """What a client was `given` was chosen from; `trace` is of its look-up in the same service."""
    service, ranked = given.service, ranking_of(given.service)
    if given.edge is not None and given.edge.cached.region is not None:
        return _seen_from(given.edge.cached.region, given, trace, policy)
    order = order_given(ranked, trace, policy)
    distances = _distances(trace.origin, ranked)
    core = service.core
    if core is not None and core.fallback:
        added, _ = regions_behind(core, plan, client)
        beyond = ranking_of(plan.services[core.service])
        behind = [region for region in beyond.regions if region in core.behind]
        order = with_those_behind(order, added, behind, core.service)
        distances = _distances(trace.origin, beyond) | distances
    return View(order, distances)


def _seen_from(region: str, given: Given, trace: Trace, policy: str) -> View:
    """A core's regions as they are near to one of the edge's."""
    assert given.edge is not None, "whose region it is"
    ranked = near(ranking_of(given.service))
    known = ranked if region in ranked.regions else ranking_of(given.edge.service)
    place = at_region(region, known)
    there = trace._replace(entry=given.entry, place=place, origin=place, row=(), of_country=())
    return View(order_seen_from(region, ranked, there, policy), _distances(place, ranked))


def _distances(place: Place, ranked: Ranking) -> dict[str, float]:
    point = place.point
    assert point is not None, "who is ranked has the edge's point at least"
    return {region: great_circle_km(point, ranked.coordinates[region]) for region in ranked.regions}
