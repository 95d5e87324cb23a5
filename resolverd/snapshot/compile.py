"""Compile: configuration, zones and geography into a Plan.

Everything clever happens here, at reload: empty non-terminals are made, zone cuts and their
glue are found, pins become maps. What is left for a packet is look-up and copy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import dns.name
import dns.rdatatype

from resolverd import collector
from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets
from resolverd.dns.codes import CNAME, NS, SOA, TXT
from resolverd.dns.names import Key, key_from_text, key_of, parent
from resolverd.dns.writer import Compressible, RRsetWire
from resolverd.files.threads import beside
from resolverd.geo.locator import Locator
from resolverd.rtt.latency import Measured
from resolverd.snapshot.alike_nodes import SMALL, AlikeNodes, node_of
from resolverd.snapshot.earlier_maps import with_earlier_maps
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.kept_maps import KeptMaps
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import (
    ClientMap,
    EndpointPlan,
    Node,
    Plan,
    Referral,
    RegionPlan,
    ServicePlan,
    ZonePlan,
)
from resolverd.snapshot.own_places import own_places
from resolverd.snapshot.owned import glue_of, negative_ttl_of, no_region_of, wire_name
from resolverd.snapshot.pairs import paired
from resolverd.snapshot.rankings import ranking_of
from resolverd.snapshot.recompile import recompiled
from resolverd.zone.dyna import NO_REGION
from resolverd.zone.model import Zone

_EMPTY = Node()
_WHY_NO_REGION = b"no region may answer: the pins leave none, or none has an address"


class Earlier(NamedTuple):
    """What was compiled before: the Plan, and the zones that it was made of."""

    plan: Plan
    zones: Mapping[dns.name.Name, Zone]

    def zone(self, zone: Zone) -> tuple[Zone, ZonePlan] | None:
        """The same zone as it was then, if it was there."""
        then = self.zones.get(zone.origin)
        return None if then is None else (then, self.plan.zones[key_of(zone.origin)])


def compile_plan(
    generation: int,
    config: Config,
    zones: Iterable[Zone],
    locator: Locator,
    targets: ProbeTargets,
    *,
    compiled: bool = False,
    previous: Earlier | None = None,
    measured: Measured | None = None,
    kept: KeptMaps | None = None,
    precompiled: Callable[[], Sequence[ClientMap]] = tuple,
) -> Plan:
    """The Plan for a configuration whose checks have passed.

    With `compiled`, client maps are compiled by the native library. What is the same in `previous`
    (names whose RRsets are the very same objects, client maps that are still right) is taken from
    there, and so are maps that were `precompiled`, or `kept` in files. `measured` is what tables
    say of round-trip times, of the regions of `config`. Raises GeoError when the databases allow no
    compiled map.
    """
    before = previous and previous.plan
    maps = MapMaker(
        locator,
        edge_of(config),
        compiled=compiled,
        previous=before,
        measured=measured,
        own=own_places(config),
        kept=kept,
        precompiled=precompiled,
    )
    # The library compiles maps beside Python, which compiles zones.
    services = beside(partial(compile_services, config, targets, maps))
    with collector.paused():
        alike = AlikeNodes()
        served = [compile_zone(zone, previous and previous.zone(zone), alike) for zone in zones]
    return Plan(
        generation=generation,
        zones={zone.apex.lower(): zone for zone in served},
        services=with_earlier_maps(services(), generation, before),
        nsid=config.server.nsid.encode(),
        udp_payload=config.server.udp_payload,
        query_log=config.server.query_log,
        measured=measured,
    )


def compile_zone(
    zone: Zone,
    before: tuple[Zone, ZonePlan] | None = None,
    alike: AlikeNodes | None = None,
) -> ZonePlan:
    """One zone's names, each with what a query for it needs.

    Names that have not changed are as they were `before`; what other zones have `alike` is shared.
    """
    if before is not None and before[0] is zone:
        return before[1]
    if before is not None and (edited := recompiled(zone, *before)) is not None:
        return edited
    if before is None and alike is not None:
        made = alike.zone(zone)
        if made is None:
            made = _compiled(zone, None, alike)
            alike.remember(zone, made)
        return made
    return _compiled(zone, before, alike)


def _compiled(
    zone: Zone, before: tuple[Zone, ZonePlan] | None, alike: AlikeNodes | None
) -> ZonePlan:
    apex = wire_name(zone.origin)
    key_of_apex = apex.lower()
    had, kept = (before[0].rrsets, before[1].nodes) if before else ({}, {})
    made = node_of if alike is None or len(zone.rrsets) >= SMALL else alike.of
    own = {
        key: kept[key] if had.get(key) is rrsets else made(rrsets)
        for key, rrsets in zone.rrsets.items()
    }
    soa = own[key_of_apex].rrsets[SOA]
    negative_ttl = negative_ttl_of(soa)
    no_region = None
    steered = tuple(key for key, node in own.items() if node.dyna is not None)
    if steered:
        no_region = no_region_of(apex)
        own.setdefault(NO_REGION + key_of_apex, _why_no_region(negative_ttl))
    cuts = _cuts(zone, own, key_of_apex)
    nodes = {}
    for key in _with_empty_non_terminals(own, key_of_apex):
        node, was = own.get(key, _EMPTY), kept.get(key)
        cut = _cut_above(key, cuts, key_of_apex) if cuts else None
        if node.referral is not cut:
            node = Node(node.rrsets, node.dyna, cut)
        nodes[key] = was if was is not None and was == node else node
    return ZonePlan(apex, soa, negative_ttl, nodes, no_region, steered=steered)


@lru_cache(maxsize=16)
def _why_no_region(negative_ttl: int) -> Node:
    """What clients read who ask for more of the name that has no address."""
    return Node({TXT: RRsetWire(TXT, negative_ttl, ((_text(_WHY_NO_REGION),),))})


def _text(octets: bytes) -> bytes:
    """A character-string (RFC 1035 §3.3)."""
    return bytes([len(octets)]) + octets


def _with_empty_non_terminals(owners: Iterable[Key], apex: Key) -> Iterable[Key]:
    """Every owner, and every name between it and the apex (RFC 4592 §2.2.2), each once.

    In the order of the file, in which they lie in memory too: a third of the compilation is saved.
    """
    names: dict[Key, None] = {apex: None}
    for name in owners:
        while name not in names:
            names[name] = None
            name = parent(name)
    return names


def _cuts(zone: Zone, nodes: Mapping[Key, Node], apex: Key) -> dict[Key, Referral]:
    """Zone cuts by key: owners of NS other than the apex."""
    cuts = {key for key, node in nodes.items() if NS in node.rrsets and key != apex}
    return {
        key: Referral(
            wire_name(zone.rrsets[key][dns.rdatatype.NS].owner),
            nodes[key].rrsets[NS],
            tuple(
                glue_of(nodes[key].rrsets[NS], cuts, lambda owner: nodes.get(owner, _EMPTY).rrsets)
            ),
        )
        for key in cuts
    }


def _cut_above(name: Key, cuts: Mapping[Key, Referral], apex: Key) -> Referral | None:
    """The highest cut at or above `name`: what lies below another cut is the child's."""
    found = None
    while name != apex:
        found = cuts.get(name, found)
        name = parent(name)
    return found


def compile_services(
    config: Config, targets: ProbeTargets, maps: MapMaker
) -> dict[str, ServicePlan]:
    """Every service with its client map; services of one geography share one map."""
    services, shared = {}, dict[tuple[str, tuple[str, ...]], RegionPlan]()
    for name, service in config.service.items():
        services[name] = ServicePlan(
            name=name,
            regions={
                region: _region(region, config, name, targets.ids[(name, region)], shared)
                for region in service.regions
            },
            clients=maps.make(ranking_of(config, service, maps.measured), *pin_rules(config, name)),
            ttl=service.ttl,
            failover_ttl=service.failover_ttl,
            all_down=service.all_down,
            ecs=service.ecs,
            cname=service.answer == "cname",
            no_region=service.no_region,
            trickle=service.trickle,
            policy=service.policy,
            sticky=service.sticky,
        )
    return paired(services, config, maps)


def _region(
    name: str,
    config: Config,
    service: str,
    targets: tuple[str, ...],
    shared: dict[tuple[str, tuple[str, ...]], RegionPlan],
) -> RegionPlan:
    """A service's region: of those that answer alike, all services have the one in `shared`."""
    region, cname = config.region[name], None
    alike = config.service[service].answer == "address"
    if alike and (known := shared.get((name, targets))) is not None:
        return known
    if config.service[service].answer == "cname":
        target = Compressible(key_from_text(region.hostname))
        cname = RRsetWire(CNAME, 0, ((target,),))
    endpoints = tuple(
        EndpointPlan(target, *address_octets(endpoint.address), endpoint.hostname)
        for target, endpoint in zip(targets, region.endpoint, strict=True)
    )
    # A target that is this service's own has the service's name after an @.
    own = any(target.endswith(f"@{service}") for target in targets)
    own = own or (cname is not None and _addressed_too(name, config))
    site = f"{name}@{service}" if own else name
    plan = RegionPlan(site, endpoints, region.min_endpoints, cname)
    if alike and not own:
        shared[(name, targets)] = plan
    return plan


def _addressed_too(name: str, config: Config) -> bool:
    """Whether another service hands out addresses of the region that a look-up has to find.

    Without them the region serves that one no more, and this one as before.
    """
    return any(endpoint.hostname for endpoint in config.region[name].endpoint) and any(
        name in service.regions and service.answer == "address"
        for service in config.service.values()
    )


def address_octets(addresses: Iterable[str]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Addresses split by family, as RDATA octets of A and of AAAA."""
    parsed = [ipaddress.ip_address(address) for address in addresses]
    return (
        tuple(address.packed for address in parsed if address.version == 4),
        tuple(address.packed for address in parsed if address.version == 6),
    )
