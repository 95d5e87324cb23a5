"""The compiled client map: every client prefix known beforehand, in the native library.

It means what the lazy map means, with two differences, both in a client's favour: equal
neighbours are merged, so that its scopes are the shortest there are, and a prefix that straddles
pins is fenced exactly at every length. The databases stay open for `explain` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from typing import Literal

from resolverd.abi.map import Content, Geography, Meter, NativeMap, PlaceIndex, Share
from resolverd.abi.map import OwnPlace as NativeOwnPlace
from resolverd.abi.map import Region as NativeRegion
from resolverd.abi.map import coverage as count
from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo.locator import Locator
from resolverd.geo.own_places import NO_PLACES, OwnPlaces, completed
from resolverd.geo.place import Place
from resolverd.geo.placement import Placement
from resolverd.geo.prefixmap import PrefixMap
from resolverd.policy.fence import GeoPins, PinRule, by_name
from resolverd.policy.ranking import PreferenceList, region_seed
from resolverd.snapshot.clientmap import (
    CACHED_PREFIXES,
    LazyClientMap,
    Ranking,
    Trace,
)
from resolverd.snapshot.model import Block, MapEntry, MapSize

Subnets = Sequence[tuple[Prefix, PinRule]]


class CompiledClientMap:
    """A `ClientMap` in the native library. `handle` is the library's, for its engine."""

    kind: Literal["lazy", "compiled"] = "compiled"

    def __init__(
        self,
        ranked: Ranking,
        subnets: Subnets,
        geo_pins: GeoPins,
        locator: Locator,
        edge: Place,
        own: OwnPlaces = NO_PLACES,
        meter: Meter | None = None,
    ) -> None:
        """Compile; blocks for up to seconds. Raises GeoError when the databases do not allow it."""
        self.ranked = ranked
        self._parts = (ranked, subnets, geo_pins, locator, edge, own)
        self._edge = edge
        self._placement = Placement(locator, own, asn=bool(geo_pins.asns))
        self._rules = by_name([*(rule for _, rule in subnets), *geo_pins.all_rules()])
        geography = _geography(ranked, subnets, geo_pins, edge, own, self._rules)
        self._native = _compiled(locator, geography, meter)
        self.handle = self._native.handle
        # Not a method: a cache that held this object would keep its memory after a reload,
        # until Python looks for cycles.
        self.lookup = lru_cache(maxsize=CACHED_PREFIXES)(
            partial(_entry, self._native, self.region_names, self.pin_names)
        )

    def __reduce__(self) -> tuple[type[LazyClientMap], tuple[object, ...]]:
        """The lazy map of the same geography: another process has the databases, not the map."""
        ranked, subnets, *rest = self._parts
        return LazyClientMap, (ranked, PrefixMap(subnets), *rest)

    @property
    def region_names(self) -> tuple[str, ...]:
        """The regions that the library's orders speak of by index."""
        return self.ranked.regions

    @property
    def pin_names(self) -> tuple[str, ...]:
        """The pins that the library's entries speak of by index."""
        return tuple(rule.name for rule in self._rules)

    @property
    def size(self) -> MapSize:
        """How large it is; services that share it share its memory."""
        return MapSize(self._native.leaves, self._native.lists, self._native.octets)

    def is_of(
        self,
        ranked: Ranking,
        subnets: Subnets,
        geo_pins: GeoPins,
        locator: Locator,
        edge: Place,
        own: OwnPlaces = NO_PLACES,
    ) -> bool:
        """Whether compiling these would give this very map again."""
        mine = self._parts
        others = (ranked, subnets, geo_pins, edge, own)
        return mine[3] is locator and (*mine[:3], *mine[4:]) == others

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        return self.ranked.from_region(region)

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        return self.ranked.block(client)

    def trace(self, client: Prefix) -> Trace:
        """Look `client` up and tell how the entry came about."""
        entry = self.lookup(client)
        embedded = self.ranked.embedded
        extracted = embedded.extract(client).prefix
        if embedded.boundary(extracted) is not None:
            extracted = embedded.extract(Prefix(client.bits, client.address, client.bits)).prefix
        located = self._placement.locate(extracted)
        rules = tuple(rule for rule in self._rules if rule.name in entry.pins)
        place = located.place.completed_by(self._edge) if located.place else self._edge
        placed = located.place is not None and located.place.is_somewhere
        return Trace(entry, client, extracted, place, placed, located.length, rules)

    def time(self, clients: Iterable[Prefix]) -> float:
        """Nanoseconds that one look-up of the library takes, over these clients."""
        return self._native.time(clients)


def _entry(
    native: NativeMap, regions: tuple[str, ...], pins: tuple[str, ...], client: Prefix
) -> MapEntry:
    found = native.lookup(client)
    return MapEntry(
        preference=tuple(regions[index] for index in found.preference),
        scope=found.scope,
        pins=tuple(pins[index] for index in found.pins),
    )


def _geography(
    ranked: Ranking,
    subnets: Subnets,
    geo_pins: GeoPins,
    edge: Place,
    own: OwnPlaces,
    rules: list[PinRule],
) -> Geography:
    numbers = {rule: number for number, rule in enumerate(rules)}
    places = {place.name: place for _, place in own.subnets}
    places |= {place.name: place for place in own.asns.values()}
    index = {name: number for number, name in enumerate(places)}
    point = edge.point
    assert point is not None, "an edge host stands somewhere"
    return Geography(
        policy=ranked.policy,
        block_v4=ranked.block_v4,
        block_v6=ranked.block_v6,
        edge=point,
        regions=[
            NativeRegion(*ranked.coordinates[name], ranked.weights[name], region_seed(name))
            for name in ranked.regions
        ],
        pins=[
            [index for index, name in enumerate(ranked.regions) if name in rule.regions]
            for rule in rules
        ],
        subnets=[(prefix, numbers[rule]) for prefix, rule in subnets],
        countries=[(code, numbers[rule]) for code, rule in geo_pins.countries.items()],
        continents=[(code, numbers[rule]) for code, rule in geo_pins.continents.items()],
        unplaced=None if geo_pins.unplaced is None else numbers[geo_pins.unplaced],
        default=None if geo_pins.default is None else numbers[geo_pins.default],
        nat64=ranked.embedded.nat64,
        own=[_own(place, geo_pins.places.get(name), numbers) for name, place in places.items()],
        own_subnets=[(prefix, index[place.name]) for prefix, place in own.subnets],
        own_asns=[(number, index[place.name]) for number, place in own.asns.items()],
        asns=[(number, numbers[rule]) for number, rule in geo_pins.asns.items()],
    )


def _own(place: Place, rule: PinRule | None, numbers: Mapping[PinRule, int]) -> NativeOwnPlace:
    """An own place as the library takes it."""
    known = completed(place, None).point
    codes = (place.country or "", place.continent or "")
    return NativeOwnPlace(place.point, known, *codes, None if rule is None else numbers[rule])


def _compiled(locator: Locator, geography: Geography, meter: Meter | None) -> NativeMap:
    with _lent(locator) as databases:
        return NativeMap(databases, geography, meter)


def coverage(
    ranked: Ranking,
    subnets: Subnets,
    geo_pins: GeoPins,
    locator: Locator,
    edge: Place,
    own: OwnPlaces,
) -> dict[str, Share]:
    """The share of the address space in which each rule holds, by its name; "" where none does.

    Of what the databases place alone. Raises GeoError when they do not allow it.
    """
    rules = by_name([*(rule for _, rule in subnets), *geo_pins.all_rules()])
    geography = _geography(ranked, subnets, geo_pins, edge, own, rules)
    with _lent(locator) as databases:
        shares = count(databases, geography)
    return dict(zip(("", *(rule.name for rule in rules)), shares, strict=True))


@contextmanager
def _lent(locator: Locator) -> Iterator[list[tuple[Content, PlaceIndex]]]:
    """The databases with their place indexes; a GeoError meanwhile names them."""
    try:
        with ExitStack() as lent:
            yield [
                (lent.enter_context(database.lend()), database.place_index())
                for database in locator.databases
            ]
    except GeoError as error:
        names = ", ".join(database.name for database in locator.databases)
        raise GeoError(f"{names}: no map can be compiled: {error}") from error
