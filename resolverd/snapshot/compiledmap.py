"""The compiled client map: every client prefix known beforehand, in the native library.

It means what the lazy map means, with two differences, both in a client's favour: equal
neighbours are merged, so that its scopes are the shortest there are, and a prefix that straddles
pins is fenced exactly at every length. The databases stay open for `explain` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, lru_cache, partial
from typing import Literal

from resolverd.abi.coverage import Share
from resolverd.abi.coverage import coverage as count
from resolverd.abi.map import (
    Columns,
    Content,
    Geography,
    Hub,
    Landmark,
    NativeMap,
    PlaceIndex,
)
from resolverd.abi.map import Latency as NativeLatency
from resolverd.abi.map import OwnPlace as NativeOwnPlace
from resolverd.abi.map import Region as NativeRegion
from resolverd.abi.meter import Meter
from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo.locator import Locator
from resolverd.geo.own_places import NO_PLACES, OwnPlaces, completed
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule, by_name
from resolverd.policy.ranking import PreferenceList, region_seed
from resolverd.rtt.latency import Latency
from resolverd.rtt.samples import PrefixColumns, believed
from resolverd.snapshot.clientmap import (
    CACHED_PREFIXES,
    LazyClientMap,
    MapSource,
    Ranking,
    Subnets,
    Trace,
    first_of,
)
from resolverd.snapshot.kept_maps import KeptMaps, key_of
from resolverd.snapshot.model import Block, MapEntry, MapSize


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
        earlier: CompiledClientMap | None = None,
        kept: KeptMaps | None = None,
    ) -> None:
        """Compile; blocks for up to seconds. Raises GeoError when the databases do not allow it.

        One that was `kept` is taken from there. With latency nobody leaves the order of the
        `earlier` map for a little.
        """
        self.ranked = ranked
        self.source = MapSource(ranked, subnets, geo_pins, locator, edge, own)
        self._edge, self._placement = edge, self.source.placement
        self._rules = by_name([*(rule for _, rule in subnets), *geo_pins.all_rules()])
        geography = _geography(self.source, self._rules)
        samples = ranked.latency.samples if ranked.latency else None
        rows = [_columns(samples.v4), _columns(samples.v6)] if samples else []
        before = earlier.native if earlier else None
        known = None
        # Where none can be found, the key has time until the first answer.
        if kept and not kept.empty() and self.key is not None:
            known = kept.find(self.key, geography)
        self.was_kept = known is not None
        self.native: NativeMap = known or _compiled(locator, geography, meter, rows, before)
        self.handle = self.native.handle
        # Not a method: a cache that held this object would keep its memory after a reload,
        # until Python looks for cycles.
        self.lookup = lru_cache(maxsize=CACHED_PREFIXES)(
            partial(_entry, self.native, self.region_names, self.pin_names)
        )

    def __reduce__(self) -> tuple[type[LazyClientMap], tuple[object, ...]]:
        """The lazy map of the same geography: another process has the databases, not the map."""
        return LazyClientMap, self.source

    @cached_property
    def key(self) -> str | None:
        """By what it is kept; None where it is not to be. The first time it reads the library."""
        source = self.source
        if source.ranked.latency is not None:
            return None
        digests = [database.sha256 for database in source.locator.databases]
        return key_of(digests, _geography(source, self._rules))

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
        return MapSize(self.native.leaves, self.native.lists, self.native.octets)

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
            extracted = embedded.extract(first_of(client)).prefix
        located = self._placement.locate(extracted)
        rules = tuple(rule for rule in self._rules if rule.name in entry.pins)
        place = located.place.completed_by(self._edge) if located.place else self._edge
        placed = located.place is not None and located.place.is_somewhere
        latency = self.ranked.latency
        row = latency.around(first_of(extracted))[0] if latency else ()
        return Trace(
            entry,
            client,
            extracted,
            place,
            placed,
            located.length,
            rules,
            row,
            origin=self.ranked.seen_from(place, self._edge),
            of_country=self.ranked.of_country(entry.preference, place, row),
        )

    def time(self, clients: Iterable[Prefix]) -> float:
        """Nanoseconds that one look-up of the library takes, over these clients."""
        return self.native.time(clients)


def _entry(
    native: NativeMap, regions: tuple[str, ...], pins: tuple[str, ...], client: Prefix
) -> MapEntry:
    found = native.lookup(client)
    return MapEntry(
        preference=tuple(regions[index] for index in found.preference),
        scope=found.scope,
        pins=tuple(pins[index] for index in found.pins),
    )


def _geography(source: MapSource, rules: list[PinRule]) -> Geography:
    ranked, subnets, geo_pins, _, edge, own = source
    places = {place.name: place for _, place in own.subnets}
    places |= {place.name: place for place in own.asns.values()}
    index = {name: number for number, name in enumerate(places)}
    numbers = {rule: number for number, rule in enumerate(rules)}
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
        biases=[ranked.bias(name) for name in ranked.regions],
        latency=_latency(ranked.latency, index) if ranked.latency else None,
        country_capacities=[
            (ranked.countries[name], ranked.capacities[name])
            for name in ranked.regions
            if name in ranked.capacities
        ],
        edge_country=ranked.edge_country,
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


def _latency(latency: Latency, own: Mapping[str, int]) -> NativeLatency:
    field = latency.field
    return NativeLatency(
        columns=[
            (*point, base, slope)
            for point, base, slope in zip(field.regions, field.bases, field.slopes, strict=True)
        ],
        hubs=[Hub(*hub.point, hub.ways) for hub in field.hubs],
        scales=field.scales,
        country_variance=field.country_variance,
        landmarks=[Landmark(*one.point, one.country, one.weights) for one in field.origins],
        numbers=latency.columns,
        countries=[(code, believed(row)) for code, row in latency.countries.items()],
        asns=[(number, believed(row)) for number, row in latency.asns.items()],
        own=[(own[name], believed(row)) for name, row in latency.places.items() if name in own],
    )


def _columns(rows: PrefixColumns) -> Columns:
    return (
        *(rows.high, rows.low, rows.lengths, rows.starts),
        *(rows.regions, rows.ms, rows.confidence),
    )


def _compiled(
    locator: Locator,
    geography: Geography,
    meter: Meter | None,
    rows: Sequence[Columns],
    before: NativeMap | None,
) -> NativeMap:
    with _lent(locator) as databases:
        return NativeMap(databases, geography, meter, rows, before)


def coverage(source: MapSource) -> dict[str, Share]:
    """The share of the address space in which each rule holds, by its name; "" where none does.

    Of what the databases place alone. Raises GeoError when they do not allow it.
    """
    rules = by_name([*(rule for _, rule in source.subnets), *source.geo_pins.all_rules()])
    with _lent(source.locator) as databases:
        shares = count(databases, _geography(source, rules))
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
