"""What an owner's RRsets become in a Plan: octets by type, and what its DYNA says."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Set
from typing import cast

import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.nsbase

from resolverd.config.tiers import edge_of_alias
from resolverd.dns.codes import AAAA, CNAME, A
from resolverd.dns.names import LENGTHS, Key, ancestors
from resolverd.dns.writer import Compressible, Rdata, RRsetWire
from resolverd.snapshot.model import Dyna
from resolverd.zone.dyna import DYNA, NO_REGION
from resolverd.zone.dyna import Dyna as DynaRdata
from resolverd.zone.model import RRset

_SOA_NUMBERS = struct.Struct("!5I")
_TARGETS = {dns.rdatatype.NS, dns.rdatatype.CNAME, dns.rdatatype.PTR}


def wire_rrsets(rrsets: Mapping[dns.rdatatype.RdataType, RRset]) -> dict[int, RRsetWire]:
    """The octets of an owner's RRsets, by type; DYNA has none."""
    return {
        int(rtype): RRsetWire(int(rtype), rrset.ttl, tuple(map(wire_parts, rrset.rdatas)))
        for rtype, rrset in rrsets.items()
        if rtype != DYNA
    }


def dyna_of(rrset: RRset) -> Dyna:
    """What a DYNA RRset says; a service's alias of its core is told apart here."""
    name = cast(DynaRdata, rrset.rdatas[0]).service
    edge = edge_of_alias(name)
    return Dyna(edge or name, rrset.ttl, bool(edge))


def wire_parts(rdata: dns.rdata.Rdata) -> Rdata:
    """RDATA as parts, with those names marked that RFC 3597 §4 lets be compressed."""
    if rdata.rdtype == A:  # the type that large zones are made of, at a third of the time
        return (socket.inet_aton(cast(dns.rdtypes.IN.A.A, rdata).address),)
    if rdata.rdtype in _TARGETS:  # their names are written at half the time by themselves
        return (Compressible(wire_name(cast(dns.rdtypes.nsbase.NSBase, rdata).target)),)
    match rdata.rdtype:
        case dns.rdatatype.MX:
            wire = rdata.to_wire() or b""
            return (wire[:2], Compressible(wire[2:]))
        case dns.rdatatype.SOA:
            soa = cast(dns.rdtypes.ANY.SOA.SOA, rdata)
            numbers = (soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum)
            names = (Compressible(wire_name(soa.mname)), Compressible(wire_name(soa.rname)))
            return (*names, _SOA_NUMBERS.pack(*numbers))
    return (rdata.to_wire() or b"",)


def glue_of(
    ns: RRsetWire, cuts: Set[Key], held: Callable[[Key], Mapping[int, RRsetWire]]
) -> Iterator[tuple[bytes, RRsetWire]]:
    """Addresses below this cut, and below its siblings (RFC 9471 §3.1, §3.2).

    `cuts` are those of the zone, `held` the RRsets of an owner.
    """
    for (target,) in ns.rdatas:
        key = target.lower()
        if not cuts.isdisjoint(ancestors(key)):
            here = held(key)
            yield from ((bytes(target), here[rtype]) for rtype in (A, AAAA) if rtype in here)


def negative_ttl_of(soa: RRsetWire) -> int:
    """How long it may be kept that there is nothing (RFC 2308 §5)."""
    minimum: int = struct.unpack("!I", soa.rdatas[0][-1][-4:])[0]
    return min(soa.ttl, minimum)


def no_region_of(apex: bytes) -> RRsetWire:
    """What leads to the name of a zone that has no address."""
    return RRsetWire(CNAME, 0, ((Compressible(NO_REGION + apex),),))


def wire_name(name: dns.name.Name) -> bytes:
    """As its `to_wire`, of a name that is absolute, at a third of the time."""
    return b"".join([LENGTHS[len(label)] + label for label in name.labels])
