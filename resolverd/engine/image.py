"""Plan and Steering as octets, for the native engine to load.

Both images are flat: a head, then sections of records of one size, one after another without
padding, and last a pool of octets that the records point into. `records` has their layout; what
stands in the pool is as it goes into a message. `NONE` stands for "there is none".

Names stand in the pool in wire form, and are known by their offset. The records of an RRset
are *whole*, with ``C00C`` as owner, or else *in parts*: for each record the number of parts u8,
then for each part its kind u8 (0 octets, 1 a name that may be compressed), its length u16 and
its octets.

A state is what one region is answered with and how long that holds; services that share a
region (and their TTLs) share its state.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import NamedTuple, Protocol, runtime_checkable

from resolverd.dns.names import Key
from resolverd.dns.writer import RRsetWire
from resolverd.engine import records
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.epochs_image import earlier_regions, epochs_image
from resolverd.engine.image_kept import GLUE_SIZE, NODE_SIZE, REFERRAL_SIZE, KeptImage, Octets
from resolverd.engine.image_pool import Places, Pool, in_parts, whole
from resolverd.engine.positions_image import positions_image
from resolverd.engine.records import NONE
from resolverd.engine.states_kept import KeptState, KeptStates, StateKey
from resolverd.errors import EngineError
from resolverd.policy.decision import RegionStatus
from resolverd.policy.outcomes import REPLIES
from resolverd.policy.share import Positions
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

# The number of a region of the core that the edge service never answers with.
_NOWHERE = 0xFF


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
    kept: KeptImage | None


def plan_image(plan: Plan, slots: CounterSlots, before: KeptImage | None = None) -> PlanImage:
    """`plan` as octets, by what changed since the image `before` where that can be told.

    Raises EngineError where a map is not native or `slots` run out.
    """
    base = before if before is not None and before.may_become(plan) else None
    return _PlanWriter(plan, slots, base).image()


def steering_image(steering: Steering, plan: Plan, kept: KeptStates | None = None) -> bytes:
    """`steering` as octets, for the image of `plan`, with what is `kept` of the one made last."""
    kept = kept or KeptStates()
    with kept.lock:
        return _SteeringWriter(steering, kept).image(plan)


class _PlanWriter:
    """One image in the making; each list holds the records of a section."""

    def __init__(self, plan: Plan, slots: CounterSlots, base: KeptImage | None) -> None:
        self._plan, self._slots, self._base = plan, slots, base
        self._pool = Pool(len(base.pool) if base else 0)
        self._rrsets: list[bytes] = []
        self._first_rrset = base.rrset_count if base else 0
        self._first_cut = len(base.referrals) // REFERRAL_SIZE if base else 0
        self._first_glue = len(base.glue) // GLUE_SIZE if base else 0
        self._places: dict[int, int] = dict(base.soas) if base else {}
        self._referrals = Places[Referral]()
        self._glue: list[bytes] = []
        self._region_slots: list[int] = []
        self._pin_slots: list[int] = []
        self._maps = Places[NativeMap]()
        self._map_records: list[bytes] = []
        self._services = {name: place for place, name in enumerate(plan.services)}
        paired = [name for name, service in plan.services.items() if service.core is not None]
        self._tiers = {name: place for place, name in enumerate(paired)}

    def image(self) -> PlanImage:
        plan, base = self._plan, self._base
        zones = list(plan.zones.values())
        nodes: list[Octets]
        if base is not None:
            nodes = list(base.with_nodes(plan, self._node))
        else:
            nodes = [
                self._node(key, place, node)
                for place, zone in enumerate(zones)
                for key, node in zone.nodes.items()
            ]
        apexes = [self._zone(zone) for zone in zones]
        cuts = [self._referral(referral) for referral in self._referrals.met]
        services = [self._service(service) for service in plan.services.values()]
        tiers = [self._tier(plan.services[name]) for name in self._tiers]
        soas = {id(zone.soa): self._rrset(zone.soa) for zone in zones}
        # What is kept of the image before is copied once, to where it stands in this one.
        then = (base.rrsets, base.referrals, base.glue, base.pool) if base else (b"",) * 4
        head = records.plan_head(
            generation=plan.generation,
            query_log=plan.query_log,
            udp_payload=plan.udp_payload,
            nsid=len(plan.nsid),
            zones=len(apexes),
            nodes=sum(map(len, nodes)) // NODE_SIZE,
            rrsets=self._rrset_count,
            referrals=self._first_cut + len(cuts),
            glue=self._first_glue + len(self._glue),
            services=len(services),
            maps=len(self._map_records),
            tiers=len(tiers),
            region_slots=len(self._region_slots),
            pin_slots=len(self._pin_slots),
            pool=len(then[3]) + len(self._pool.octets),
        )
        slots = [*self._region_slots, *self._pin_slots]
        numbers = struct.pack(f"<{len(slots)}I", *slots)
        sections: tuple[Sequence[Octets | bytearray], ...] = (
            (head, *apexes),
            nodes,
            (then[0], *self._rrsets),
            (then[1], *cuts),
            (then[2], *self._glue),
            (*services, *self._map_records, *tiers, numbers, plan.nsid),
            (then[3], self._pool.octets),
        )
        octets = b"".join(chain.from_iterable(sections))
        begins = [*accumulate(sum(map(len, section)) for section in sections[:-1])]
        kept = KeptImage.of(plan, octets, begins, self._rrset_count, soas, base)
        return PlanImage(octets, tuple(self._maps.met), kept)

    @property
    def _rrset_count(self) -> int:
        return self._first_rrset + len(self._rrsets)

    def _node(self, key: Key, zone: int, node: Node) -> bytes:
        first = self._first_of(node)
        service, ceiling, tier = NONE, 0, NONE
        if node.dyna is not None:
            service, ceiling = self._services[self._plan.service_of(node.dyna).name], node.dyna.ttl
            tier = self._tiers.get(node.dyna.service, NONE)
        cut = NONE
        if node.referral is not None:
            cut = self._first_cut + self._referrals.of(node.referral)
        name = self._pool.name(key)
        return records.node(
            name=name,
            zone=zone,
            first=first,
            rrsets=len(node.rrsets),
            service=service,
            ceiling=ceiling,
            referral=cut,
            tier=tier,
        )

    def _first_of(self, node: Node) -> int:
        """Where a node's RRsets stand, one after another; a single one as others have it too."""
        if len(node.rrsets) == 1:
            [rrset] = node.rrsets.values()
            return self._rrset(rrset)
        first = self._rrset_count
        for rrset in node.rrsets.values():
            self._add(rrset)
        return first

    def _zone(self, zone: ZonePlan) -> bytes:
        no_region = NONE
        if zone.no_region is not None:
            no_region = self._pool.name(zone.no_region.rdatas[0][0])
        return records.zone(
            apex=self._pool.name(zone.apex),
            soa=self._rrset(zone.soa),
            negative_ttl=zone.negative_ttl,
            no_region=no_region,
        )

    def _referral(self, referral: Referral) -> bytes:
        first = self._first_glue + len(self._glue)
        self._glue += [
            records.glue(owner=self._pool.name(owner), rrset=self._rrset(rrset))
            for owner, rrset in referral.glue
        ]
        return records.referral(
            owner=self._pool.name(referral.owner),
            ns=self._rrset(referral.ns),
            first=first,
            count=len(referral.glue),
        )

    def _service(self, service: ServicePlan) -> bytes:
        clients = service.clients
        if not isinstance(clients, NativeMap):
            raise EngineError(f"the client map of service {service.name} is not a native one")
        if clients.region_names != tuple(service.own):
            raise EngineError(f"the client map of service {service.name} has other regions")
        earlier, numbers = NONE, NONE
        if service.earlier is not None and isinstance(service.earlier.clients, NativeMap):
            earlier = self._map(service.earlier.clients)
            known = earlier_regions(service, service.earlier.clients.region_names)
            numbers = self._pool.add(known)
        first = len(self._region_slots)
        self._region_slots += [self._slots.region(service.name, name) for name in service.regions]
        return records.service(
            ttl=service.ttl,
            failover_ttl=service.failover_ttl,
            trickle=service.trickle,
            client_map=self._map(clients),
            earlier_map=earlier,
            earlier_regions=numbers,
            slot=self._slots.service(service.name),
            first=first,
            regions=len(service.regions),
            all_down=REPLIES[service.all_down],
            ecs=service.ecs,
            cname=service.cname,
            no_region=REPLIES[service.no_region],
        )

    def _tier(self, edge: ServicePlan) -> bytes:
        core, fenced = edge.core, NONE
        assert core is not None, "those alone are paired that have one"
        service = self._plan.services[core.service]
        if core.fenced is not None:
            if not isinstance(core.fenced, NativeMap):
                raise EngineError(f"the map of what lies behind service {edge.name} is not native")
            fenced = self._map(core.fenced)
        here = {name: number for number, name in enumerate(edge.regions)}
        there = {name: number for number, name in enumerate(service.regions)}
        octets = bytes(here.get(name, _NOWHERE) for name in service.regions)
        orders = (core.orders[region] for region in edge.regions)
        octets += b"".join(bytes(there[name] for name in order) for order in orders)
        return records.tier(
            edge=self._services[edge.name],
            core=self._services[core.service],
            behind=len(core.behind),
            fenced=fenced,
            at=self._pool.add(octets),
        )

    def _map(self, clients: NativeMap) -> int:
        place = self._maps.of(clients)
        if place == len(self._map_records):
            first, pins = len(self._pin_slots), len(clients.pin_names)
            self._map_records.append(records.client_map(first=first, pins=pins))
            self._pin_slots += [self._slots.pin(name) for name in clients.pin_names]
        return place

    def _rrset(self, rrset: RRsetWire) -> int:
        """The place of an RRset, which a node has as a rule."""
        return self._places[id(rrset)] if id(rrset) in self._places else self._add(rrset)

    def _add(self, rrset: RRsetWire) -> int:
        place = self._places[id(rrset)] = self._rrset_count
        copied = whole(rrset)
        octets = in_parts(rrset) if copied is None else copied
        at = self._pool.add(octets)
        self._rrsets.append(
            records.rrset(
                at=at,
                length=len(octets),
                ttl=rrset.ttl,
                rtype=rrset.rtype,
                in_parts=copied is None,
                count=len(rrset.rdatas),
            )
        )
        return place


class _SteeringWriter:
    """One image in the making; equal states are written once, and those in `kept` as they were."""

    def __init__(self, steering: Steering, kept: KeptStates) -> None:
        self._steering, self._kept = steering, kept
        self._known = kept.begin(steering.staleness)
        self._pool = kept.pool
        self._states: dict[StateKey, KeptState] = {}
        self._places: dict[StateKey, int] = {}
        self._positions = Places[Positions]()

    def image(self, plan: Plan) -> bytes:
        entries: list[int] = []
        places = self._places
        for name, service in plan.services.items():
            statuses, by_region = self._steering.statuses[name], self._steering.records[name]
            ttl, failover_ttl = service.ttl, service.failover_ttl
            for region in service.regions:
                status, given = statuses[region], by_region[region]
                key = (id(status), id(given), ttl, failover_ttl)
                place = places.get(key)
                if place is None:
                    place = places[key] = len(places)
                    self._states[key] = self._state(key, status, given)
                entries.append(place)
        counts = [len(service.regions) for service in plan.services.values()]
        epochs = self._steering.epochs
        kept = b"".join(epochs_image(plan, epochs, self._positions.of)) if epochs else b""
        positions = self._positions.met
        pool = bytes(self._pool.octets)
        head = records.steering_head(
            generation=self._steering.generation,
            states=len(self._states),
            services=len(counts),
            entries=len(entries),
            positions=len(positions),
            bins=sum(len(one.bins) for one in positions),
            heavy=sum(len(one.heavy) for one in positions),
            epochs=len(epochs),
            pool=len(pool),
        )
        numbers = struct.pack(f"<{len(counts) + len(entries)}I", *counts, *entries)
        placed = positions_image(positions) if positions else ()
        states = [state.octets for state in self._states.values()]
        self._kept.end({key: s for key, s in self._states.items() if s.status.positions is None})
        return b"".join((head, *states, numbers, *placed, kept, pool))

    def _state(self, key: StateKey, status: RegionStatus, given: RegionRecords) -> KeptState:
        """The state as it was, or made now; positions have other numbers in each image."""
        state = self._known.get(key)
        if state is None:
            before = len(self._pool.octets)
            octets = self._made(status, given, *key[2:])
            state = KeptState(octets, status, given, len(self._pool.octets) - before)
        return state

    def _made(
        self, status: RegionStatus, given: RegionRecords, ttl: float, failover_ttl: float
    ) -> bytes:
        staleness = self._steering.staleness
        ahead, answered = (
            horizon(
                status, ttl=ttl, failover_ttl=failover_ttl, staleness=staleness, answered=answered
            )
            for answered in (False, True)
        )
        a, aaaa = _addresses(given.a), _addresses(given.aaaa)
        hostname = NONE
        if given.cname is not None:
            hostname = self._pool.name(given.cname.rdatas[0][0])
        return records.state(
            horizon=ahead,
            answered=answered,
            spill_ratio=status.spill_ratio,
            accept_ratio=status.accept_ratio,
            a=self._pool.add(b"".join(a)),
            aaaa=self._pool.add(b"".join(aaaa)),
            cname=hostname,
            a_ttl=NONE if given.a_ttl is None else given.a_ttl,
            aaaa_ttl=NONE if given.aaaa_ttl is None else given.aaaa_ttl,
            positions=NONE if status.positions is None else self._positions.of(status.positions),
            a_count=len(a),
            aaaa_count=len(aaaa),
            serves=status.serves,
            unknown=status.unknown,
            alive=status.alive,
            has_addresses=status.has_addresses,
            sampled=status.sampled.bit_length(),
            spill_off=status.spill_off,
        )


def _addresses(rrset: RRsetWire | None) -> list[bytes]:
    return [rdata[0] for rdata in rrset.rdatas] if rrset is not None else []
