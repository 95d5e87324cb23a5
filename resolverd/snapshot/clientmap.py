"""The lazy client map: one database lookup per client prefix, behind a bounded cache.

It joins where a client is (geo) with what it may be given and in which order (policy). The
scope it returns is the database's own network, split by pins and by the hashed block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import great_circles_km
from resolverd.geo.embedded_networks import STANDARD, EmbeddedNetworks
from resolverd.geo.locator import Locator
from resolverd.geo.own_places import NO_PLACES, OwnPlaces
from resolverd.geo.place import Located, Place
from resolverd.geo.placement import Placement
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy import ranking
from resolverd.policy.bias import NO_BIAS, Bias
from resolverd.policy.fence import (
    GeoPins,
    Jurisdiction,
    PinRule,
    by_name,
    decide_rules,
    fence_of,
)
from resolverd.policy.ranking import PreferenceList
from resolverd.rtt.field import USUAL_MS_PER_KM
from resolverd.rtt.latency import Latency
from resolverd.rtt.order import by_cost, by_cost_of_prefix
from resolverd.rtt.samples import Row
from resolverd.snapshot.given_orders import GivenOrders
from resolverd.snapshot.map_orders import MapOrders
from resolverd.snapshot.model import Block, MapEntry, MapSize
from resolverd.snapshot.trace import Known as Known
from resolverd.snapshot.trace import Trace as Trace

# A public resolver's prefix spans a handful of database networks; one that spans more is
# fenced as if it spanned every pinned country.
STRADDLE_LIMIT = 64
CACHED_PREFIXES = 65536

_NOWHERE = Prefix(32, 0, 32)
_ALL_IPV4 = Prefix(32, 0, 0)


_NOTHING = Known()


Policy = Literal["nearest", "failover", "weighted", "latency"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How one service orders its regions; coordinates in degrees, blocks in prefix bits.

    `biases` are in milliseconds; `latency` goes with the policy of that name. `countries` and
    `capacities` of regions, and the country of this edge, are for clients of whom only the country
    is sure, by the policies that go by place.
    """

    policy: Policy
    regions: tuple[str, ...]
    coordinates: Mapping[str, tuple[float, float]]
    weights: Mapping[str, int]
    block_v4: int
    block_v6: int
    biases: Mapping[str, Bias] = field(default_factory=dict)
    latency: Latency | None = None
    countries: Mapping[str, str] = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)
    edge_country: str = ""
    embedded: EmbeddedNetworks = STANDARD

    def block_length(self, bits: int) -> int:
        """Bits of the block that keeps one draw."""
        return self.block_v4 if bits == 32 else self.block_v6

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        found = self.embedded.extract(client)
        if self.embedded.boundary(found.prefix) is not None:
            found = self.embedded.extract(first_of(client))
        extracted = found.prefix
        length = self.block_length(extracted.bits)
        return Block(extracted.widened(min(extracted.length, length)), found.scope(length))

    def order(
        self,
        allowed: tuple[str, ...],
        place: Place,
        client: Prefix,
        known: Known = _NOTHING,
        edge: Place | None = None,
    ) -> PreferenceList:
        """The allowed regions, best first, for a client there, but for what `drawn` decides.

        `edge` is where this host stands, None where the client stands at `place` for sure.
        """
        if self.policy == "failover":
            return ranking.failover(allowed)
        if self.policy == "weighted":
            return ranking.weighted(allowed, self.weights, self._draws(client))
        own = self.of_country(allowed, place, known.row)
        origin = self.seen_from(place, edge) if edge else place
        if self.latency is not None:
            near = self._by_latency(self.latency, allowed, origin, known)
        else:
            near = ranking.nearest(allowed, self.costs(origin))
        return (*own, *(region for region in near if region not in own))

    def seen_from(self, place: Place, edge: Place) -> Place:
        """From where the costs of a client count; `edge` is where this host stands.

        Anycast brought a client here of whom only this edge's own country is sure.
        """
        return edge if place.doubt and place.country == self.edge_country else place

    def of_country(self, regions: tuple[str, ...], place: Place, row: Row = ()) -> tuple[str, ...]:
        """Those of `regions` in a client's country, where that is all that is sure of it.

        They come before all others, and where they are several the client's block draws among them.
        None where the client stands where this edge does, or its own prefix was measured (`row`).
        """
        if not place.doubt or row or place.country == self.edge_country:
            return ()
        here = place.country
        return tuple(r for r in self.regions if r in regions and self.countries.get(r) == here)

    def drawn(
        self, preference: PreferenceList, place: Place, row: Row, client: Prefix
    ) -> PreferenceList | None:
        """An order of `order`, with what an extracted client's block draws; None for no draw."""
        own = self.of_country(preference, place, row)
        if len(own) < 2:
            return None
        first = ranking.spread(own, self.capacities, self._draws(client))
        return (*first, *(region for region in preference if region not in own))

    def _draws(self, client: Prefix) -> Prefix:
        """The block of an extracted client; of a shorter one, the client itself."""
        return client.widened(min(client.length, self.block_length(client.bits)))

    def _by_latency(
        self, latency: Latency, allowed: tuple[str, ...], place: Place, known: Known
    ) -> PreferenceList:
        number = {name: number for number, name in enumerate(self.regions)}
        before = [number[name] for name in known.before if name in number]
        numbers = [number[name] for name in allowed]
        order = by_cost(numbers, self._biased(latency.of_place(place)), before)
        if known.row:
            order = by_cost_of_prefix(order, self._biased(latency.times(place, known.row)), before)
        return tuple(self.regions[index] for index in order)

    def costs(self, place: Place, row: Row = ()) -> dict[str, float]:
        """What decides the order for a place, by region, bias and all; empty where nothing does.

        In ms with `latency`, where `row` was measured of the client's prefix; else in km.
        """
        if self.latency is not None:
            times = self.latency.times(place, row)
            return dict(zip(self.regions, self._biased(times), strict=False))
        if self.policy != "nearest":
            return {}
        here = place.point
        assert here is not None, "who is ranked has the edge's point at least"
        far = great_circles_km(here, [self.coordinates[region] for region in self.regions])
        costs = dict(zip(self.regions, far, strict=True))
        return {r: self.bias(r).of(km) for r, km in costs.items()} if self.biases else costs

    def bias(self, region: str) -> Bias:
        """A region's, in the unit of the cost: ms with `latency`, else km."""
        bias = self.biases.get(region, NO_BIAS)
        if bias is NO_BIAS or self.latency is not None:
            return bias
        return Bias(bias.factor, bias.added / USUAL_MS_PER_KM)

    def _biased(self, times: list[float]) -> list[float]:
        """Milliseconds of the service's own regions with their biases, by index."""
        return [self.bias(region).of(ms) for region, ms in zip(self.regions, times, strict=False)]

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        place = Place(*self.coordinates[region], None, None, "region")
        if self.policy != "nearest" or self.latency is not None:
            return self.order(self.regions, place, _NOWHERE), self.costs(place)
        return ranking.nearest(self.regions, costs := self.costs(place)), costs


Subnets = Sequence[tuple[Prefix, PinRule]]


class MapSource(NamedTuple):
    """What a client map is made of; `edge` is where clients stand whom no database places."""

    ranked: Ranking
    subnets: Subnets
    geo_pins: GeoPins
    locator: Locator
    edge: Place
    own: OwnPlaces = NO_PLACES

    @property
    def placement(self) -> Placement:
        """Where clients are, by all that is known."""
        measured = self.ranked.latency is not None and bool(self.ranked.latency.asns)
        return Placement(self.locator, self.own, asn=bool(self.geo_pins.asns) or measured)

    def same_as(self, other: MapSource) -> bool:
        """Whether `other` gives the very same map."""
        return self.ranked.latency is other.ranked.latency and self.remeasured_as(other)

    def remeasured_as(self, other: MapSource) -> bool:
        """Whether `other` is this but for what was measured."""
        ranked = replace(other.ranked, latency=self.ranked.latency)
        return self.locator is other.locator and self == other._replace(ranked=ranked)


class LazyClientMap:
    """A `ClientMap` that asks the databases as clients come."""

    kind: Literal["lazy", "compiled"] = "lazy"
    size: MapSize | None = None

    def __init__(
        self,
        ranked: Ranking,
        subnets: Subnets,
        geo_pins: GeoPins,
        locator: Locator,
        edge: Place,
        own: OwnPlaces = NO_PLACES,
        earlier: LazyClientMap | None = None,
    ) -> None:
        """A map of these; with latency nobody leaves the order of `earlier` for a little."""
        self.ranked = ranked
        self.given: GivenOrders = GivenOrders(earlier.given if earlier else None)
        self.source = MapSource(ranked, subnets, geo_pins, locator, edge, own)
        self._pins = PrefixMap(subnets)
        self._geo_pins, self._edge = geo_pins, edge
        self._placement = self.source.placement
        self._orders = MapOrders(ranked, edge)
        # The cache asks a twin: a map that its own cache holds waits for the garbage collector, and
        # keeps a database of 100 MB meanwhile.
        twin = object.__new__(LazyClientMap)
        vars(twin).update(vars(self))
        self.lookup = lru_cache(maxsize=CACHED_PREFIXES)(lambda client: twin.trace(client).entry)

    def __reduce__(self) -> tuple[type[LazyClientMap], tuple[object, ...]]:
        """Rebuilt in another process, with a cache of its own."""
        return LazyClientMap, self.source

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        return self.ranked.from_region(region)

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        return self.ranked.block(client)

    def trace(self, client: Prefix) -> Trace:
        """Look `client` up and tell how the entry came about."""
        embedded = self.ranked.embedded
        found = embedded.extract(client)
        extracted = found.prefix
        if (boundary := embedded.boundary(extracted)) is not None:
            return self._trace_embedded(client, extracted, boundary)
        located = self._placement.locate(extracted)
        known, known_boundary = self._known(first_of(extracted))
        exact = max(
            located.length,
            self._pins.match(extracted).boundary,
            self.ranked.block_length(extracted.bits) if self.ranked.policy == "weighted" else 0,
            embedded.by_prefix.match(extracted).boundary,
            known_boundary,
        )
        rules = self._rules(extracted, located)
        place = located.place.completed_by(self._edge) if located.place else self._edge
        # What is fenced further than its first address is taken out of that one's order, as in the
        # compiled map: one that depends on the order before is another where regions are missing.
        host = first_of(extracted)
        own = rules if exact <= extracted.length else self._rules(host, located)
        preference = self._orders.order(own, place, extracted, known)
        if self.ranked.latency is not None:
            self.given.note(host.widened(exact), preference)
        scopes = (found.scope(exact), found.scope(self.ranked.block_length(extracted.bits)))
        return self._conclude(client, extracted, located, rules, scopes, preference, known.row)

    def _trace_embedded(self, client: Prefix, extracted: Prefix, boundary: int) -> Trace:
        """A prefix too short to tell which IPv4 clients it embeds.

        It is fenced as all of them, and as the IPv6 clients beside. Its scope asks for as many bits
        as its first address alone would need, and for one of the embedded address at least.
        """
        host = first_of(client)
        first = self.trace(host)
        within = self._rules(_ALL_IPV4, self._placement.locate(_ALL_IPV4))
        rules = by_name([*within, *self._rules(extracted, self._placement.locate(extracted))])
        located = Located(first.place if first.placed else None, first.network_length)
        own = self.ranked.embedded.extract(host)
        scope = max(first.entry.scope, boundary, own.scope(1))
        scopes = (scope, own.scope(self.ranked.block_length(own.prefix.bits)))
        preference = first.entry.preference
        return self._conclude(
            client, first.extracted, located, rules, scopes, preference, first.row
        )

    def _known(self, host: Prefix) -> tuple[Known, int]:
        """What is known of an address besides its place, and the bits inside which that holds."""
        latency = self.ranked.latency
        if latency is None:
            return _NOTHING, 0
        row, measured = latency.around(host)
        before, kept = self.given.around(host)
        return Known(row, before), max(measured, kept)

    def _conclude(
        self,
        client: Prefix,
        extracted: Prefix,
        located: Located,
        rules: list[PinRule],
        scopes: tuple[int, int],
        preference: PreferenceList,
        row: Row,
    ) -> Trace:
        """The trace of a client under all `rules` that hold somewhere in it.

        `scopes` are that of all but a draw, and that of a block.
        """
        fence = fence_of(rules)
        place = located.place.completed_by(self._edge) if located.place else self._edge
        if fence is not None and not fence.issuperset(preference):
            preference = tuple(r for r in preference if r in fence)
        scope, block_scope = scopes
        if (drawn := self.ranked.drawn(preference, place, row, extracted)) is not None:
            preference = drawn
            scope = max(scope, block_scope)
        return Trace(
            MapEntry(preference, scope, tuple(rule.name for rule in rules)),
            client,
            extracted,
            place,
            located.place is not None and located.place.is_somewhere,
            located.length,
            tuple(rules),
            row,
            origin=self.ranked.seen_from(place, self._edge),
            of_country=self.ranked.of_country(preference, place, row),
        )

    def _rules(self, prefix: Prefix, located: Located) -> list[PinRule]:
        """The rules that hold somewhere in a prefix, but for the IPv4 clients it embeds."""
        leaves = [
            (piece, rule)
            for whole, embedded in self.ranked.embedded.by_prefix.leaves(prefix)
            if embedded is None
            for piece, rule in self._pins.leaves(whole)
        ]
        return decide_rules(
            [rule for _, rule in leaves if rule is not None],
            self._places(prefix, located, [piece for piece, rule in leaves if rule is None]),
            self._geo_pins,
        )

    def _places(
        self, prefix: Prefix, located: Located, free: list[Prefix]
    ) -> list[Jurisdiction] | None:
        """The jurisdictions of the pieces `free` of `prefix`; None where too many."""
        if not self._geo_pins or not free:
            return []
        if located.length <= prefix.length:
            return [_of(located.place)]
        within = self._placement.walk_within(prefix, STRADDLE_LIMIT)
        if within is None:
            return None
        return [
            _of(place)
            for network, place in within
            if any(network.contains(piece) or piece.contains(network) for piece in free)
        ]


def first_of(client: Prefix) -> Prefix:
    """The first address of a prefix."""
    return Prefix(client.bits, client.address, client.bits)


def _of(place: Place | None) -> Jurisdiction:
    if place is None:
        return Jurisdiction()
    return Jurisdiction(place.country, place.continent, place.asn, place.name or None)
