"""The lazy client map: one database lookup per client prefix, behind a bounded cache.

It joins where a client is (geo) with what it may be given and in which order (policy). The
scope it returns is the database's own network, split by pins and by the hashed block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import great_circle_km
from resolverd.geo.embedded_networks import STANDARD, EmbeddedNetworks
from resolverd.geo.locator import Locator
from resolverd.geo.own_places import NO_PLACES, OwnPlaces
from resolverd.geo.place import Located, Place
from resolverd.geo.placement import Placement
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy import ranking
from resolverd.policy.fence import (
    GeoPins,
    Jurisdiction,
    PinRule,
    by_name,
    decide_rules,
    fence_of,
)
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.model import Block, MapEntry, MapSize

# A public resolver's prefix spans a handful of database networks; one that spans more is
# fenced as if it spanned every pinned country.
STRADDLE_LIMIT = 64
CACHED_PREFIXES = 65536

_NOWHERE = Prefix(32, 0, 32)
_ALL_IPV4 = Prefix(32, 0, 0)


@dataclass(frozen=True, slots=True)
class Ranking:
    """How one service orders its regions; coordinates in degrees, blocks in prefix bits."""

    policy: Literal["nearest", "failover", "weighted"]
    regions: tuple[str, ...]
    coordinates: Mapping[str, tuple[float, float]]
    weights: Mapping[str, int]
    block_v4: int
    block_v6: int
    embedded: EmbeddedNetworks = STANDARD

    def block_length(self, bits: int) -> int:
        """Bits of the block that keeps one draw."""
        return self.block_v4 if bits == 32 else self.block_v6

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        found = self.embedded.extract(client)
        if self.embedded.boundary(found.prefix) is not None:
            found = self.embedded.extract(_first(client))
        extracted = found.prefix
        length = self.block_length(extracted.bits)
        return Block(extracted.widened(min(extracted.length, length)), found.scope(length))

    def order(self, allowed: tuple[str, ...], place: Place, client: Prefix) -> PreferenceList:
        """The allowed regions, best first, for a client there."""
        if self.policy == "failover":
            return ranking.failover(allowed)
        if self.policy == "weighted":
            length = min(client.length, self.block_length(client.bits))
            return ranking.weighted(allowed, self.weights, client.widened(length))
        return ranking.nearest(allowed, self.distances(place))

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        place = Place(*self.coordinates[region], None, None, "region")
        nearest = self.policy == "nearest"
        return self.order(self.regions, place, _NOWHERE), self.distances(place) if nearest else {}

    def distances(self, place: Place) -> dict[str, float]:
        """Great-circle kilometres from a place to each region."""
        here = place.point
        assert here is not None, "who is ranked has the edge's point at least"
        return {r: great_circle_km(here, self.coordinates[r]) for r in self.regions}


class Trace(NamedTuple):
    """A whole lookup, for `explain`: the entry and all that led to it."""

    entry: MapEntry
    asked: Prefix
    extracted: Prefix
    place: Place
    placed: bool
    network_length: int
    rules: tuple[PinRule, ...]


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
        own: OwnPlaces = NO_PLACES,
    ) -> None:
        self.ranked = ranked
        self._parts = (ranked, pins, geo_pins, locator, edge, own)
        self._pins, self._geo_pins, self._edge = pins, geo_pins, edge
        self._placement = Placement(locator, own, asn=bool(geo_pins.asns))
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
        embedded = self.ranked.embedded
        found = embedded.extract(client)
        extracted = found.prefix
        if (boundary := embedded.boundary(extracted)) is not None:
            return self._trace_embedded(client, extracted, boundary)
        located = self._placement.locate(extracted)
        rules = self._rules(extracted, located)
        exact = max(
            located.length,
            self._pins.match(extracted).boundary,
            self.ranked.block_length(extracted.bits) if self.ranked.policy == "weighted" else 0,
            embedded.by_prefix.match(extracted).boundary,
        )
        return self._conclude(client, extracted, located, rules, found.scope(exact))

    def _trace_embedded(self, client: Prefix, extracted: Prefix, boundary: int) -> Trace:
        """A prefix too short to tell which IPv4 clients it embeds.

        It is fenced as all of them, and as the IPv6 clients beside. Its scope asks for as many bits
        as its first address alone would need, and for one of the embedded address at least.
        """
        host = _first(client)
        first = self.trace(host)
        within = self._rules(_ALL_IPV4, self._placement.locate(_ALL_IPV4))
        rules = by_name([*within, *self._rules(extracted, self._placement.locate(extracted))])
        located = Located(first.place if first.placed else None, first.network_length)
        scope = max(first.entry.scope, boundary, self.ranked.embedded.extract(host).scope(1))
        return self._conclude(client, first.extracted, located, rules, scope)

    def _conclude(
        self, client: Prefix, extracted: Prefix, located: Located, rules: list[PinRule], scope: int
    ) -> Trace:
        place = located.place.completed_by(self._edge) if located.place else self._edge
        fence = fence_of(rules)
        allowed = tuple(r for r in self.ranked.regions if fence is None or r in fence)
        entry = MapEntry(
            preference=self.ranked.order(allowed, place, extracted),
            scope=scope,
            pins=tuple(rule.name for rule in rules),
        )
        placed = located.place is not None and located.place.is_somewhere
        return Trace(entry, client, extracted, place, placed, located.length, tuple(rules))

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


def _first(client: Prefix) -> Prefix:
    """The first address of a prefix."""
    return Prefix(client.bits, client.address, client.bits)


def _of(place: Place | None) -> Jurisdiction:
    if place is None:
        return Jurisdiction()
    return Jurisdiction(place.country, place.continent, place.asn, place.name or None)
