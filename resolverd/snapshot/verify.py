"""Ask a new Plan about itself before it serves anybody, of the engine that will serve it.

Each zone is asked for its SOA, whose answer is read by other code than what wrote it: by what knows
the one shape that it should have (`soa_answers.py`), or else by dnspython, which reads those of a
part of many zones in any case. Each service is ranked from each of its regions' own coordinates,
where what is preferred must cost no more than that very region does. It is asked for by a client of
each pin's subnets, and by one for each preference list that addresses spread over IPv4 meet. An
answer outside a client's fence, or not of the region that it prefers, is wrong.

What services of one client map share, that map and its fences, is asked about once: of many such
services each is asked for by its share of those clients (`_shares`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import dns.exception
import dns.flags
import dns.message
import dns.name

from resolverd.dns.codes import AAAA, CNAME, SOA, A
from resolverd.dns.names import to_text
from resolverd.dns.prefix import Prefix
from resolverd.dns.writer import RRsetWire
from resolverd.errors import PlanError
from resolverd.snapshot.answers import answered, query_for
from resolverd.snapshot.model import ClientMap, Dyna, Plan, ServicePlan, Snapshot, ZonePlan
from resolverd.snapshot.soa_answers import gives_serial
from resolverd.snapshot.tiers import give

Ask = Callable[[bytes, str], bytes | None]
"""Answers a packet from a client's address: the octets of the response, None for no response.

As over TCP, so that a region of many addresses is seen whole.
"""

LOOPBACK = "127.0.0.1"
TRIED = 512
"""Addresses that each client map is tried with. With more, preference lists of smaller networks
are found, and a reload takes longer."""
LEAST_TRIED = 32
"""Of those that meet other lists, how many each of many services of one map is asked for by."""
READ_TWICE = 256
"""Of how many zones, evenly spread, dnspython reads the answer whatever its shape."""
# Successive multiples of it, by 2^32, spread evenly (the golden ratio).
_STRIDE = 0x9E3779B1


def verify(snapshot: Snapshot, ask: Ask, pinned: Iterable[Prefix] = ()) -> None:
    """Raises PlanError with everything that the Plan of `snapshot` gets wrong.

    `ask` answers from `snapshot`; `pinned` are subnets of pins and own places, each of which is
    tried.
    """
    plan, names = snapshot.plan, _names(snapshot)
    aliases = _names(snapshot, behind=True)
    hosts = [Prefix(subnet.bits, subnet.address, subnet.bits) for subnet in pinned]
    every = -(-len(plan.zones) // READ_TWICE)
    faults = [
        fault
        for number, zone in enumerate(plan.zones.values())
        for fault in _zone_faults(zone, ask, twice=number % every == 0)
    ]
    for clients, services in _by_map(plan).items():
        faults += _ranking_faults(clients, services)
        asked = [s for s in services if s.name in names or s.name in aliases]
        for service, spread in zip(asked, _shares(clients, len(asked)), strict=True):
            for known, behind in ((names, False), (aliases, True)):
                for client in (*hosts, *spread) if service.name in known else ():
                    dyna, name = Dyna(service.name, 0, behind), known[service.name]
                    faults += _answer_faults(dyna, name, client, snapshot, ask)
    if faults:
        raise PlanError("the new plan fails its own check: " + "; ".join(faults[:10]))


def _zone_faults(zone: ZonePlan, ask: Ask, *, twice: bool) -> Iterator[str]:
    query, serial = query_for(zone.apex, SOA), zone.soa.rdatas[0][-1][:4]
    response = ask(query, LOOPBACK)
    if not twice and response is not None and gives_serial(query, response, serial):
        return
    apex = dns.name.from_wire(zone.apex, 0)[0]
    if response is None:
        yield f"{apex} SOA is not answered"
        return
    try:
        message = dns.message.from_wire(response)
    except dns.exception.DNSException as fault:
        yield f"{apex} SOA is answered with a broken message: {fault}"
        return
    due = int.from_bytes(serial, "big")
    answered = [rdata.serial for rrset in message.answer for rdata in rrset]
    if answered != [due] or not message.flags & dns.flags.AA:
        yield f"{apex} SOA is answered with {answered}, not serial {due}"


def _by_map(plan: Plan) -> dict[ClientMap, list[ServicePlan]]:
    found: dict[ClientMap, list[ServicePlan]] = {}
    for service in plan.services.values():
        found.setdefault(service.clients, []).append(service)
    return found


def _shares(clients: ClientMap, services: int) -> Iterator[list[Prefix]]:
    """The clients that each of so many services is asked for by.

    One or two are asked for by a client of each list. Of more each is by two shares of them, its
    own and the next one's, and by `LEAST_TRIED` at least, so that no list goes unasked.
    """
    if not services:
        return
    each = list(_one_for_each_list(clients))
    share = -(-len(each) // services)
    count = min(len(each), max(LEAST_TRIED, 2 * share))
    for number in range(services):
        yield [each[(number * share + at) % len(each)] for at in range(count)]


def _ranking_faults(clients: ClientMap, services: Iterable[ServicePlan]) -> Iterator[str]:
    """What is wrong with how regions rank from one another, of the services of one map."""
    seen: dict[str, tuple[frozenset[str], bool]] = {}
    found: dict[tuple[str, ...], list[str]] = {}
    for service in services:
        own = tuple(service.own)
        if own not in found:
            found[own] = list(_misranked(clients, own, seen))
        yield from (f"service {service.name} {fault}" for fault in found[own])


def _misranked(
    clients: ClientMap, own: tuple[str, ...], seen: dict[str, tuple[frozenset[str], bool]]
) -> Iterator[str]:
    """The same of services that have these regions; `seen` is what was looked at before."""
    allowed = frozenset(own)
    for region in own:
        if region not in seen:
            preference, costs = clients.from_region(region)
            dearer = bool(preference and costs) and costs[preference[0]] > costs[region]
            seen[region] = frozenset(preference), dearer
        preferred, dearer = seen[region]
        if not preferred <= allowed:
            yield "prefers regions that it does not have"
        elif dearer:
            yield f"does not prefer {region} where {region} stands"


def _answer_faults(
    dyna: Dyna, name: bytes, client: Prefix, snapshot: Snapshot, ask: Ask
) -> Iterator[str]:
    """What is wrong with what a client is given, who asks for A and for AAAA."""
    service = snapshot.plan.service_of(dyna)
    entry, held = give(snapshot, dyna, client)[1:3]
    records = snapshot.steering.records[service.name]
    statuses = snapshot.steering.statuses[service.name]
    if service.cname and not any(
        statuses[region].serves or statuses[region].unknown for region in entry.preference
    ):
        return  # that there is no region to give may be said by a CNAME too
    address = str(client.host())
    for rtype, family in ((A, "a"), (AAAA, "aaaa")):
        response = ask(query_for(name, rtype), address)

        def whose(family: str = family) -> str:
            return f"{to_text(name)} {family.upper()} for {address} (service {service.name})"

        if response is None:
            yield f"{whose()} is not answered"
            continue
        kept = "cname" if service.cname else family
        given = _target(response) if service.cname else answered(response, rtype)

        def own(region: str, kept: str = kept) -> frozenset[bytes]:
            return _rdatas(getattr(records[region], kept))

        if not given <= _gathered(map(own, entry.preference), given):
            what = "a name" if service.cname else "an address"
            yield f"{whose()} is answered with {what} outside the client's fence"
        elif entry.preference:
            first = entry.preference[0]
            divided = statuses[first].spill_ratio or service.trickle
            due = first if statuses[first].serves and not divided else None
            if held.outcome == "held":
                due = held.region
            if due and own(due) and not (given and given <= own(due)):
                why = "is kept" if due == held.region != first else "is preferred"
                yield f"{whose()} is not answered with {due}, which serves and {why}"


def _target(response: bytes) -> frozenset[bytes]:
    """What the first CNAME of a response points to, in wire form; names after it are followed."""
    rrsets = dns.message.from_wire(response).answer
    first = [rdata for rrset in rrsets[:1] if rrset.rdtype == CNAME for rdata in rrset]
    return frozenset(rdata.target.canonicalize().to_wire() or b"" for rdata in first)


def _gathered(sets: Iterable[frozenset[bytes]], wanted: frozenset[bytes]) -> set[bytes]:
    """The union of `sets` as far as it takes to hold all that is `wanted`."""
    found = set[bytes]()
    for one in sets:
        if wanted <= found:
            break
        found |= one
    return found


def _rdatas(rrset: RRsetWire | None) -> frozenset[bytes]:
    return frozenset() if rrset is None else frozenset(rdata[0] for rdata in rrset.rdatas)


def _names(snapshot: Snapshot, *, behind: bool = False) -> dict[str, bytes]:
    """A name of each service that has one, or of what is `behind` it; below a wildcard, one that
    it covers. Names that another zone answers, whose apex is nearer, are none.
    """
    found: dict[str, bytes] = {}
    for zone in snapshot.plan.zones.values():
        for key, node in zone.steered_nodes():
            if node.dyna is None or node.dyna.behind is not behind or node.referral is not None:
                continue
            name = b"\x07_verify" + key[2:] if key.startswith(b"\x01*") else key
            if node.dyna.service not in found and snapshot.plan.closest_zone(name) is zone:
                found[node.dyna.service] = name
    return found


def _spread() -> Iterator[Prefix]:
    for index in range(1, TRIED + 1):
        yield Prefix(32, index * _STRIDE & 0xFFFFFFFF, 32)


def _one_for_each_list(clients: ClientMap) -> Iterable[Prefix]:
    """A client for each preference list that those tried have."""
    found: dict[tuple[str, ...], Prefix] = {}
    for client in _spread():
        found.setdefault(clients.lookup(client).preference, client)
    return found.values()
