"""The lazy client map: one database lookup per client prefix, behind a bounded cache.

It joins where a client is (geo) with what it may be given and in which order (policy). The
scope it returns is the database's own network, split by pins and by the hashed block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from resolverd.dns.embedded_v4 import NETWORKS, extract_v4
from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import great_circle_km
from resolverd.geo.locator import Locator
from resolverd.geo.place import Located, Place
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy import ranking
from resolverd.policy.fence import GeoPins, PinRule, by_name, decide_rules, fence_of
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.model import Block, MapEntry, MapSize

# A public resolver's prefix spans a handful of database networks; one that spans more is
# fenced as if it spanned every pinned country.
STRADDLE_LIMIT = 64
CACHED_PREFIXES = 65536

_NOWHERE = Prefix(32, 0, 32)
_ALL_IPV4 = Prefix(32, 0, 0)
_EMBEDDED_V4 = PrefixMap((network, network) for network in NETWORKS)


@dataclass(frozen=True, slots=True)
class Ranking:
    """How one service orders its regions; coordinates in degrees, blocks in prefix bits.

    `countries` and `capacities` of regions, and the country of this edge, are for clients of whom
    only the country is sure, by the policies that go by place.
    """

    policy: Literal["nearest", "failover", "weighted"]
    regions: tuple[str, ...]
    coordinates: Mapping[str, tuple[float, float]]
    weights: Mapping[str, int]
    block_v4: int
    block_v6: int
    countries: Mapping[str, str] = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)
    edge_country: str = ""

    def block_length(self, bits: int) -> int:
        """Bits of the block that keeps one draw."""
        return self.block_v4 if bits == 32 else self.block_v6

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        extracted, offset = extract_v4(client)
        if embedded_boundary(extracted) is not None:
            extracted, offset = extract_v4(_first(client))
        length = self.block_length(extracted.bits)
        return Block(extracted.widened(min(extracted.length, length)), length + offset)

    def order(
        self, allowed: tuple[str, ...], place: Place, edge: Place, client: Prefix
    ) -> PreferenceList:
        """The allowed regions, best first, for a client there; `edge` is where this host stands."""
        if self.policy == "failover":
            return ranking.failover(allowed)
        if self.policy == "weighted":
            return ranking.weighted(allowed, self.weights, self._draws(client))
        near = ranking.nearest(allowed, self.distances(self.seen_from(place, edge)))
        own = self.of_country(allowed, place)
        if len(own) > 1:
            own = ranking.spread(own, self.capacities, self._draws(client))
        return (*own, *(region for region in near if region not in own))

    def seen_from(self, place: Place, edge: Place) -> Place:
        """From where the distances of a client count.

        Anycast brought a client here of whom only this edge's own country is sure.
        """
        return edge if place.doubt and place.country == self.edge_country else place

    def of_country(self, allowed: tuple[str, ...], place: Place) -> tuple[str, ...]:
        """The allowed regions in a client's country, where that is all that is sure of it.

        They come before all others, and where they are several the client's block decides which
        comes first. None where the client stands where this edge does.
        """
        if self.policy in ("failover", "weighted") or not place.doubt:
            return ()
        if place.country == self.edge_country:
            return ()
        return tuple(region for region in allowed if self.countries.get(region) == place.country)

    def is_drawn(self, allowed: tuple[str, ...], place: Place) -> bool:
        """Whether a client's block has a part in the order."""
        return self.policy == "weighted" or len(self.of_country(allowed, place)) > 1

    def _draws(self, client: Prefix) -> Prefix:
        """The block of an extracted client; of a shorter one, the client itself."""
        return client.widened(min(client.length, self.block_length(client.bits)))

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        place = Place(*self.coordinates[region], None, None, "region")
        nearest = self.policy == "nearest"
        order = self.order(self.regions, place, place, _NOWHERE)
        return order, self.distances(place) if nearest else {}

    def distances(self, place: Place) -> dict[str, float]:
        """Great-circle kilometres from a place to each region."""
        here = place.point
        assert here is not None, "who is ranked has the edge's point at least"
        return {r: great_circle_km(here, self.coordinates[r]) for r in self.regions}


class Trace(NamedTuple):
    """A whole lookup, for `explain`: the entry and all that led to it.

    `origin` is from where distances count; `of_country` are the regions that come first because its
    country is all that is sure of the client, and its block draws among them.
    """

    entry: MapEntry
    asked: Prefix
    extracted: Prefix
    place: Place
    placed: bool
    network_length: int
    rules: tuple[PinRule, ...]
    origin: Place
    of_country: tuple[str, ...]


class LazyClientMap:
    """A `ClientMap` that asks the databases as clients come."""

    kind: Literal["lazy", "compiled"] = "lazy"
    size: MapSize | None = None

    def __init__(
        self,
        ranked: Ranking,
        pins: PrefixMap[PinRule],
        geo_pins: GeoPins,
        locator: Locator,
        edge: Place,
    ) -> None:
        self.ranked = ranked
        self._parts = (ranked, pins, geo_pins, locator, edge)
        self._pins, self._geo_pins, self._locator, self._edge = pins, geo_pins, locator, edge
        self.lookup = lru_cache(maxsize=CACHED_PREFIXES)(self._lookup)

    def __reduce__(self) -> tuple[type[LazyClientMap], tuple[object, ...]]:
        """Rebuilt in another process, with a cache of its own."""
        return LazyClientMap, self._parts

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        return self.ranked.from_region(region)

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        return self.ranked.block(client)

    def _lookup(self, client: Prefix) -> MapEntry:
        return self.trace(client).entry

    def trace(self, client: Prefix) -> Trace:
        """Look `client` up and tell how the entry came about."""
        extracted, offset = extract_v4(client)
        if (boundary := embedded_boundary(extracted)) is not None:
            return self._trace_embedded(client, extracted, boundary)
        located = self._locator.locate(extracted)
        rules = self._rules(extracted, located)
        exact = max(
            located.length,
            self._pins.match(extracted).boundary,
            _EMBEDDED_V4.match(extracted).boundary,
        )
        return self._conclude(client, extracted, located, rules, exact + offset, offset)

    def _trace_embedded(self, client: Prefix, extracted: Prefix, boundary: int) -> Trace:
        """A prefix too short to tell which IPv4 clients it embeds.

        It is fenced as all of them, and as the IPv6 clients beside. Its scope asks for as many bits
        as its first address alone would need, and for one of the embedded address at least.
        """
        host = _first(client)
        first = self.trace(host)
        embedded = self._rules(_ALL_IPV4, self._locator.locate(_ALL_IPV4))
        rules = by_name([*embedded, *self._rules(extracted, self._locator.locate(extracted))])
        located = Located(first.place if first.placed else None, first.network_length)
        offset = extract_v4(host).offset
        scope = max(first.entry.scope, boundary, offset + 1)
        return self._conclude(client, first.extracted, located, rules, scope, offset)

    def _conclude(
        self,
        client: Prefix,
        extracted: Prefix,
        located: Located,
        rules: list[PinRule],
        scope: int,
        offset: int,
    ) -> Trace:
        """The entry; `scope` is that of all but a draw, `offset` the bits before the extracted."""
        place = located.place.completed_by(self._edge) if located.place else self._edge
        fence = fence_of(rules)
        allowed = tuple(r for r in self.ranked.regions if fence is None or r in fence)
        if self.ranked.is_drawn(allowed, place):
            scope = max(scope, self.ranked.block_length(extracted.bits) + offset)
        entry = MapEntry(
            preference=self.ranked.order(allowed, place, self._edge, extracted),
            scope=scope,
            pins=tuple(rule.name for rule in rules),
        )
        return Trace(
            entry,
            client,
            extracted,
            place,
            located.place is not None,
            located.length,
            tuple(rules),
            origin=self.ranked.seen_from(place, self._edge),
            of_country=self.ranked.of_country(entry.preference, place),
        )

    def _rules(self, prefix: Prefix, located: Located) -> list[PinRule]:
        """The rules that hold somewhere in a prefix, but for the IPv4 clients it embeds."""
        leaves = [
            (piece, rule)
            for whole, embedded in _EMBEDDED_V4.leaves(prefix)
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
    ) -> list[tuple[str | None, str | None]] | None:
        """Countries and continents of the pieces `free` of `prefix`; None where too many."""
        if not self._geo_pins or not free:
            return []
        if located.length <= prefix.length:
            return [_of(located.place)]
        within = self._locator.walk_within(prefix, STRADDLE_LIMIT)
        if within is None:
            return None
        return [
            _of(place)
            for network, place in within
            if any(network.contains(piece) or piece.contains(network) for piece in free)
        ]


def embedded_boundary(extracted: Prefix) -> int | None:
    """None unless `extracted` still embeds IPv4 clients.

    Else the bits such that all addresses sharing them with its first one lie in one
    IPv4-embedded prefix, or in none.
    """
    near = _EMBEDDED_V4.match(extracted)
    return near.boundary if near.covering or near.inside else None


def _first(client: Prefix) -> Prefix:
    """The first address of a prefix."""
    return Prefix(client.bits, client.address, client.bits)


def _of(place: Place | None) -> tuple[str | None, str | None]:
    return (place.country, place.continent) if place else (None, None)
