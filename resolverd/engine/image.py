"""Plan and Steering as octets, for the native engine to load.

Both images are flat: a magic with a version in its last octet, a head, then sections of
records of one size, one after another without padding, and last a pool of octets that the
records point into. All numbers are little-endian, u32 unless said otherwise; what stands in
the pool is as it goes into a message. `NONE` stands for "there is none".

Plan, head: magic, generation u64, query_log f64, udp_payload u16, octets of NSID u16, and the
number of zones, nodes, RRsets, referrals, glue entries, services, maps, region slots, pin slots,
octets of the pool. Sections::

    zones         apex, SOA RRset, negative TTL, name without an address | NONE
    nodes         name (lowered), zone, first RRset, RRsets, service | NONE, TTL, referral | NONE
    RRsets        records, octets of them, TTL, type u16, whether in parts u16, records' number
    referrals     owner, NS RRset, first glue entry, glue entries
    glue          owner, RRset
    services      ttl f64, failover_ttl f64, map, slot, first region slot, regions,
                  all_down u8 (0 nearest, 1 servfail, 2 nodata, 3 cname), ecs u8, cname u8,
                  no_region u8 (1 servfail, 2 nodata, 3 cname, 4 refused)
    maps          first pin slot, pins
    region slots  the first counter of each region, in the order of the service's regions
    pin slots     the counter of each pin, in the order of the map's pins
    NSID          octets

Names stand in the pool in wire form, and are known by their offset. The records of an RRset
are *whole*, with ``C00C`` as owner, or else *in parts*: for each record the number of parts u8,
then for each part its kind u8 (0 octets, 1 a name that may be compressed), its length u16 and
its octets.

Steering, head: magic, generation u64, and the number of states, services, entries, octets of
the pool. Sections::

    states    horizon f64, horizon where it is answered without serving f64, spill ratio f64,
              accept ratio f64, IPv4 addresses, IPv6 addresses, hostname | NONE,
              most TTL of IPv4 | NONE, most TTL of IPv6 | NONE, how many IPv4 u16,
              how many IPv6 u16, serves u8, unknown u8, alive u8, has an address u8
    services  how many regions
    entries   the state of each region of each service, in the Plan's order

A state is what one region is answered with and how long that holds; services that share a
region (and their TTLs) share its state.
"""

from __future__ import annotations

import struct
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from resolverd.dns.names import Key
from resolverd.dns.writer import Compressible, RRsetWire
from resolverd.engine.counter_slots import CounterSlots
from resolverd.errors import EngineError
from resolverd.policy.decision import RegionStatus
from resolverd.policy.outcomes import REPLIES
from resolverd.policy.ttl import horizon
from resolverd.snapshot.model import (
    Node,
    Plan,
    Referral,
    RegionRecords,
    ServicePlan,
    Steering,
    ZonePlan,
)

T = TypeVar("T")

PLAN_MAGIC = b"RVDPLAN\x03"
STEERING_MAGIC = b"RVDSTER\x04"
NONE = 0xFFFF_FFFF

_PLAN_HEAD = struct.Struct("<8sQdHH10I")
_ZONE = struct.Struct("<4I")
_NODE = struct.Struct("<7I")
_RRSET = struct.Struct("<3I2HI")
_REFERRAL = struct.Struct("<4I")
_GLUE = struct.Struct("<2I")
_SERVICE = struct.Struct("<2d4I4B")
_MAP = struct.Struct("<2I")
_STEERING_HEAD = struct.Struct("<8sQ4I")
_STATE = struct.Struct("<4d5I2H4B")

_RECORD = struct.Struct("!HHHIH")
_PART = struct.Struct("<BH")
_QNAME_POINTER = 0xC00C
_CLASS_IN = 1


@runtime_checkable
class NativeMap(Protocol):
    """A client map that the native engine can look clients up in."""

    @property
    def handle(self) -> int:
        """The map in the library."""

    @property
    def region_names(self) -> tuple[str, ...]:
        """The regions that its orders speak of."""

    @property
    def pin_names(self) -> tuple[str, ...]:
        """The pins that its entries speak of."""


class PlanImage(NamedTuple):
    """The octets of a Plan, and the client maps that they count on, in order."""

    octets: bytes
    maps: tuple[NativeMap, ...]


def plan_image(plan: Plan, slots: CounterSlots) -> PlanImage:
    """`plan` as octets. Raises EngineError where a map is not native or `slots` run out."""
    return _PlanWriter(plan, slots).image()


def steering_image(steering: Steering, plan: Plan) -> bytes:
    """`steering` as octets, for the image of `plan`."""
    return _SteeringWriter(steering).image(plan)


class _PlanWriter:
    """One image in the making; each list holds the records of a section."""

    def __init__(self, plan: Plan, slots: CounterSlots) -> None:
        self._plan, self._slots = plan, slots
        self._pool = _Pool()
        self._rrsets: list[bytes] = []
        self._places: dict[int, int] = {}
        self._referrals = _Places[Referral]()
        self._glue: list[bytes] = []
        self._region_slots: list[int] = []
        self._pin_slots: list[int] = []
        self._maps = _Places[NativeMap]()
        self._map_records: list[bytes] = []
        self._services = {name: place for place, name in enumerate(plan.services)}

    def image(self) -> PlanImage:
        plan = self._plan
        zones = list(plan.zones.values())
        nodes = [
            self._node(key, place, node)
            for place, zone in enumerate(zones)
            for key, node in zone.nodes.items()
        ]
        apexes = [self._zone(zone) for zone in zones]
        referrals = [self._referral(referral) for referral in self._referrals.met]
        services = [self._service(service) for service in plan.services.values()]
        slots = [self._region_slots, self._pin_slots]
        records = [apexes, nodes, self._rrsets, referrals, self._glue, services, self._map_records]
        pool = bytes(self._pool.octets)
        head = _PLAN_HEAD.pack(
            PLAN_MAGIC,
            plan.generation,
            plan.query_log,
            plan.udp_payload,
            len(plan.nsid),
            *map(len, records),
            *map(len, slots),
            len(pool),
        )
        numbers = [struct.pack(f"<{len(each)}I", *each) for each in slots]
        sections = [b"".join(section) for section in records]
        octets = b"".join((head, *sections, *numbers, plan.nsid, pool))
        return PlanImage(octets, tuple(self._maps.met))

    def _node(self, key: Key, zone: int, node: Node) -> bytes:
        first = len(self._rrsets)
        for rrset in node.rrsets.values():
            self._add(rrset)
        service, ceiling = NONE, 0
        if node.dyna is not None:
            service, ceiling = self._services[node.dyna.service], node.dyna.ttl
        cut = NONE
        if node.referral is not None:
            cut = self._referrals.of(node.referral)
        name = self._pool.name(key)
        return _NODE.pack(name, zone, first, len(node.rrsets), service, ceiling, cut)

    def _zone(self, zone: ZonePlan) -> bytes:
        no_region = NONE
        if zone.no_region is not None:
            no_region = self._pool.name(zone.no_region.rdatas[0][0])
        apex, soa = self._pool.name(zone.apex), self._rrset(zone.soa)
        return _ZONE.pack(apex, soa, zone.negative_ttl, no_region)

    def _referral(self, referral: Referral) -> bytes:
        first = len(self._glue)
        self._glue += [
            _GLUE.pack(self._pool.name(owner), self._rrset(rrset)) for owner, rrset in referral.glue
        ]
        name, ns = self._pool.name(referral.owner), self._rrset(referral.ns)
        return _REFERRAL.pack(name, ns, first, len(self._glue) - first)

    def _service(self, service: ServicePlan) -> bytes:
        clients = service.clients
        if not isinstance(clients, NativeMap):
            raise EngineError(f"the client map of service {service.name} is not a native one")
        if clients.region_names != tuple(service.regions):
            raise EngineError(f"the client map of service {service.name} has other regions")
        first = len(self._region_slots)
        self._region_slots += [self._slots.region(service.name, name) for name in service.regions]
        return _SERVICE.pack(
            service.ttl,
            service.failover_ttl,
            self._map(clients),
            self._slots.service(service.name),
            first,
            len(service.regions),
            REPLIES[service.all_down],
            service.ecs,
            service.cname,
            REPLIES[service.no_region],
        )

    def _map(self, clients: NativeMap) -> int:
        place = self._maps.of(clients)
        if place == len(self._map_records):
            self._map_records.append(_MAP.pack(len(self._pin_slots), len(clients.pin_names)))
            self._pin_slots += [self._slots.pin(name) for name in clients.pin_names]
        return place

    def _rrset(self, rrset: RRsetWire) -> int:
        """The place of an RRset, which a node has as a rule."""
        return self._places[id(rrset)] if id(rrset) in self._places else self._add(rrset)

    def _add(self, rrset: RRsetWire) -> int:
        place = self._places[id(rrset)] = len(self._rrsets)
        whole = _whole(rrset)
        octets = _in_parts(rrset) if whole is None else whole
        at = self._pool.add(octets)
        in_parts, count = whole is None, len(rrset.rdatas)
        self._rrsets.append(_RRSET.pack(at, len(octets), rrset.ttl, rrset.rtype, in_parts, count))
        return place


class _SteeringWriter:
    """One image in the making; equal states, and equal addresses, are written once."""

    def __init__(self, steering: Steering) -> None:
        self._steering = steering
        self._pool = _Pool()
        self._states: list[bytes] = []
        self._places: dict[tuple[int, int, float, float], int] = {}

    def image(self, plan: Plan) -> bytes:
        entries: list[int] = []
        for name, service in plan.services.items():
            statuses, by_region = self._steering.statuses[name], self._steering.records[name]
            ttl, failover_ttl = service.ttl, service.failover_ttl
            places = self._places
            for region in service.regions:
                status, records = statuses[region], by_region[region]
                key = (id(status), id(records), ttl, failover_ttl)
                place = places.get(key)
                if place is None:
                    place = places[key] = self._state(status, records, ttl, failover_ttl)
                entries.append(place)
        counts = [len(service.regions) for service in plan.services.values()]
        pool = bytes(self._pool.octets)
        head = _STEERING_HEAD.pack(
            STEERING_MAGIC,
            self._steering.generation,
            len(self._states),
            len(counts),
            len(entries),
            len(pool),
        )
        numbers = struct.pack(f"<{len(counts) + len(entries)}I", *counts, *entries)
        return b"".join((head, *self._states, numbers, pool))

    def _state(
        self, status: RegionStatus, records: RegionRecords, ttl: float, failover_ttl: float
    ) -> int:
        staleness = self._steering.staleness
        ahead, answered = (
            horizon(status, ttl=ttl, failover_ttl=failover_ttl, staleness=staleness, answered=each)
            for each in (False, True)
        )
        a, aaaa = _addresses(records.a), _addresses(records.aaaa)
        hostname = NONE
        if records.cname is not None:
            hostname = self._pool.name(records.cname.rdatas[0][0])
        self._states.append(
            _STATE.pack(
                ahead,
                answered,
                status.spill_ratio,
                status.accept_ratio,
                self._pool.add(b"".join(a)),
                self._pool.add(b"".join(aaaa)),
                hostname,
                NONE if records.a_ttl is None else records.a_ttl,
                NONE if records.aaaa_ttl is None else records.aaaa_ttl,
                len(a),
                len(aaaa),
                status.serves,
                status.unknown,
                status.alive,
                status.has_addresses,
            )
        )
        return len(self._states) - 1


class _Places(Generic[T]):
    """Objects in the order in which they were first met, each once."""

    def __init__(self) -> None:
        self.met: list[T] = []
        self._places: dict[int, int] = {}

    def of(self, wanted: T) -> int:
        place = self._places.get(id(wanted))
        if place is None:
            place = self._places[id(wanted)] = len(self.met)
            self.met.append(wanted)
        return place


class _Pool:
    """Octets that records point into; a name stands there once."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self._names: dict[bytes, int] = {}

    def add(self, octets: bytes) -> int:
        at = len(self.octets)
        self.octets += octets
        return at

    def name(self, name: bytes) -> int:
        at = self._names.get(name)
        if at is None:
            at = self._names[bytes(name)] = self.add(name)
        return at


def _whole(rrset: RRsetWire) -> bytes | None:
    """The records as they go into a message; None where a name in them may be compressed."""
    records = []
    for rdata in rrset.rdatas:
        for part in rdata:
            if isinstance(part, Compressible):
                return None
        wire = b"".join(rdata)
        head = _RECORD.pack(_QNAME_POINTER, rrset.rtype, _CLASS_IN, rrset.ttl, len(wire))
        records.append(head + wire)
    return b"".join(records)


def _in_parts(rrset: RRsetWire) -> bytes:
    octets = bytearray()
    for rdata in rrset.rdatas:
        octets.append(len(rdata))
        for part in rdata:
            octets += _PART.pack(isinstance(part, Compressible), len(part)) + part
    return bytes(octets)


def _addresses(rrset: RRsetWire | None) -> list[bytes]:
    return [rdata[0] for rdata in rrset.rdatas] if rrset is not None else []
