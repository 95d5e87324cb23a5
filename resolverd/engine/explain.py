"""The whole of one decision, step by step, for people and for `--json`.

It walks the same Plan and Steering that packets are answered from and calls the same
functions, so what it tells is what a client gets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from resolverd.dns.names import key_from_text
from resolverd.dns.prefix import Prefix
from resolverd.engine.lookup import Found, closest_zone, find
from resolverd.errors import ResolverdError
from resolverd.policy.decision import Standing
from resolverd.snapshot.clientmap import LazyClientMap
from resolverd.snapshot.model import Offer, ServicePlan, Snapshot


class NotSteeredError(ResolverdError):
    """The name is not one whose answer depends on the client."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region as the decision saw it; `why` tells why it was chosen or passed over."""

    region: str
    km: float
    preferred: int | None
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one answer. Lengths are prefix bits, the TTL seconds."""

    name: str
    service: str
    client: str
    looked_up: str
    place: str
    network_length: int
    pins: tuple[str, ...]
    fence: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    outcome: str
    region: str | None
    answer: tuple[str, ...]
    ttl: int
    ttl_why: str
    scope: int


def explain(name: str, client: Prefix, snapshot: Snapshot) -> Explanation:
    """Why a client inside `client` gets the answer it gets for `name`.

    Raises NotSteeredError when the name is not a DYNA, ValueError when it is not a name.
    """
    service, ceiling = _service(name, snapshot)
    clients = service.clients
    if not isinstance(clients, LazyClientMap):
        raise NotSteeredError("this client map keeps no trace of its lookups")
    trace = clients.trace(client)
    preference = trace.entry.preference
    cell = snapshot.steering.cell(service, preference)
    standings = snapshot.steering.standings[service.name]
    distances = clients.ranked.distances(trace.place)
    place = trace.place
    where = f"{place.latitude:.2f}, {place.longitude:.2f}"
    known = " ".join(filter(None, (place.country, place.continent)))
    return Explanation(
        name=name,
        service=service.name,
        client=str(client),
        looked_up=str(trace.folded),
        place=f"{where} {known} ({_how(trace.placed, place.how)})",
        network_length=trace.network_length,
        pins=trace.entry.pins,
        fence=tuple(sorted(preference)),
        candidates=tuple(
            _candidate(region, distances, preference, standings, cell.region)
            for region in sorted(service.regions, key=lambda r: _rank(r, preference))
        ),
        outcome=cell.outcome,
        region=cell.region,
        answer=_texts(cell.offer),
        ttl=min(cell.ttl, ceiling),
        ttl_why=_ttl_why(cell.ttl, ceiling, service),
        scope=trace.entry.scope,
    )


def _service(name: str, snapshot: Snapshot) -> tuple[ServicePlan, int]:
    key = key_from_text(name)
    zone = closest_zone(snapshot.plan, key)
    if zone is None:
        raise NotSteeredError(f"{name} lies in no zone served here")
    finding = find(zone, key)
    if finding.what is not Found.NODE or finding.node.dyna is None:
        raise NotSteeredError(f"{name} is not a DYNA name: its answer is the same for everybody")
    dyna = finding.node.dyna
    return snapshot.plan.services[dyna.service], dyna.ttl


def _candidate(
    region: str,
    distances: Mapping[str, float],
    preference: tuple[str, ...],
    standings: Mapping[str, Standing],
    chosen: str | None,
) -> Candidate:
    standing = standings[region]
    if region not in preference:
        why = "outside the fence"
    elif region == chosen:
        why = "answered"
    elif not standing.serves:
        why = "not known yet" if standing.unknown else "down"
    else:
        why = "less preferred"
    rank = preference.index(region) + 1 if region in preference else None
    return Candidate(region, round(distances[region], 1), rank, standing, why)


def _rank(region: str, preference: tuple[str, ...]) -> int:
    return preference.index(region) if region in preference else len(preference)


def _how(placed: bool, how: str) -> str:
    return f"from {how}" if placed else "no database places it: this edge host's own place"


def _texts(offer: Offer | None) -> tuple[str, ...]:
    if offer is None:
        return ()
    rrsets = [rrset for rrset in (offer.a, offer.aaaa) if rrset is not None]
    return tuple(str(ipaddress.ip_address(rdata[0])) for rrset in rrsets for rdata in rrset.rdatas)


def _ttl_why(ttl: int, ceiling: int, service: ServicePlan) -> str:
    if ceiling < ttl:
        return f"the DYNA record's ceiling; the service would allow {ttl} s"
    if ttl >= service.ttl:
        return "every region consulted is settled"
    if ttl <= service.failover_ttl:
        return "a region consulted is in trouble or has just changed"
    return "a region consulted changed a short while ago; the TTL is ramping back"
