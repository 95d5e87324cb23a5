"""Edge services joined with the core services behind them, where a Plan is compiled.

What a pair needs besides the maps of its two services is made here: the regions that answer behind
the edge's own, the map of what the edge's pins allow of them where the core has other pins, and the
core's regions in the order in which they are near to each region of the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resolverd.config.model import Config
from resolverd.config.tiers import behind, cores
from resolverd.dns.codes import CNAME
from resolverd.dns.names import key_from_text
from resolverd.dns.writer import Compressible, RRsetWire
from resolverd.geo.place import Place
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.clientmap import Ranking
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.maps import MapMaker
from resolverd.snapshot.model import ClientMap, Core, ServicePlan
from resolverd.snapshot.rankings import coordinates_of, ranking_of


def paired(
    services: dict[str, ServicePlan], config: Config, maps: MapMaker
) -> dict[str, ServicePlan]:
    """The same services, with what edge services have of their core ones."""
    pairs = cores(config)
    return {
        name: _with_core(plan, services[pairs[name]], config, maps) if name in pairs else plan
        for name, plan in services.items()
    }


def _with_core(edge: ServicePlan, core: ServicePlan, config: Config, maps: MapMaker) -> ServicePlan:
    regions = dict(edge.regions)
    added = behind(config, edge.name)
    for name in added:
        cname = _cname(config.region[name].hostname) if edge.cname else None
        regions[name] = core.regions[name]._replace(cname=cname)
    ranked = near(ranking_of(config, config.service[core.name], maps.measured))
    places, costs = coordinates_of(config), {}
    for name in regions:
        costs[name] = ranked.costs(Place(*places[name], None, None, "region"))
    return replace(
        edge,
        regions=regions,
        core=Core(
            service=core.name,
            fallback=bool(added),
            behind=frozenset(added),
            fenced=_fenced(edge.name, core.name, ranked, config, maps) if added else None,
            orders={name: _order(name, ranked.regions, cost) for name, cost in costs.items()},
            costs=costs,
            timed=ranked.latency is not None,
        ),
    )


def _cname(hostname: str) -> RRsetWire:
    return RRsetWire(CNAME, 0, ((Compressible(key_from_text(hostname)),),))


def near(ranked: Ranking) -> Ranking:
    """How the core's regions are ordered as seen from one of the edge's.

    Nobody there is a client with a block, so where the order is by weights or as listed, distance
    takes its place.
    """
    return ranked if ranked.latency is not None else replace(ranked, policy="nearest")


def _order(seen_from: str, regions: PreferenceList, costs: Mapping[str, float]) -> PreferenceList:
    """The least cost first, but before all that very region, if it is one of them."""
    return tuple(sorted(regions, key=lambda region: (region != seen_from, costs[region])))


def _fenced(
    edge: str, core: str, ranked: Ranking, config: Config, maps: MapMaker
) -> ClientMap | None:
    """The core's regions under the pins of the edge service, in no order that counts."""
    pins = pin_rules(config, edge, over=core)
    if pins == pin_rules(config, core):
        return None
    listed = Ranking(
        policy="failover",
        regions=ranked.regions,
        coordinates=ranked.coordinates,
        weights=ranked.weights,
        block_v4=ranked.block_v4,
        block_v6=ranked.block_v6,
        embedded=ranked.embedded,
    )
    return maps.make(listed, *pins)
