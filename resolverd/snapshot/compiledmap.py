"""The compiled client map: every client prefix known beforehand, in the native library.

It means what the lazy map means, with two differences, both in a client's favour: equal
neighbours are merged, so that its scopes are the shortest there are, and a prefix that straddles
pins is fenced exactly at every length. The databases stay open for `explain` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from typing import Literal

from resolverd.abi.map import Columns, Geography, Hub, Landmark, Meter, NativeMap
from resolverd.abi.map import Latency as NativeLatency
from resolverd.abi.map import Region as NativeRegion
from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule, by_name
from resolverd.policy.ranking import PreferenceList, region_seed
from resolverd.rtt.latency import Latency
from resolverd.rtt.samples import PrefixColumns
from resolverd.snapshot.clientmap import (
    CACHED_PREFIXES,
    LazyClientMap,
    MapSource,
    Ranking,
    Subnets,
    Trace,
    embedded_boundary,
    first_of,
)
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
        meter: Meter | None = None,
        earlier: CompiledClientMap | None = None,
    ) -> None:
        """Compile; blocks for up to seconds. Raises GeoError when the databases do not allow it.

        With latency nobody leaves the order of the `earlier` map for a little.
        """
        self.ranked = ranked
        self.source = MapSource(ranked, subnets, geo_pins, locator, edge)
        self._locator, self._edge = locator, edge
        self._rules = by_name([*(rule for _, rule in subnets), *geo_pins.all_rules()])
        geography = _geography(ranked, subnets, geo_pins, edge, self._rules)
        samples = ranked.latency.samples if ranked.latency else None
        rows = [_columns(samples.v4), _columns(samples.v6)] if samples else []
        before = earlier._native if earlier else None
        self._native: NativeMap = _compiled(locator, geography, meter, rows, before)
        self.handle = self._native.handle
        # Not a method: a cache that held this object would keep its memory after a reload,
        # until Python looks for cycles.
        self.lookup = lru_cache(maxsize=CACHED_PREFIXES)(
            partial(_entry, self._native, self.region_names, self.pin_names)
        )

    def __reduce__(self) -> tuple[type[LazyClientMap], tuple[object, ...]]:
        """The lazy map of the same geography: another process has the databases, not the map."""
        return LazyClientMap, self.source

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

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does; see `ClientMap`."""
        return self.ranked.from_region(region)

    def block(self, client: Prefix) -> Block:
        """The block that `client` lies in; see `ClientMap`."""
        return self.ranked.block(client)

    def trace(self, client: Prefix) -> Trace:
        """Look `client` up and tell how the entry came about."""
        entry = self.lookup(client)
        extracted = extract_v4(client).prefix
        if embedded_boundary(extracted) is not None:
            extracted = extract_v4(first_of(client)).prefix
        located = self._locator.locate(extracted)
        rules = tuple(rule for rule in self._rules if rule.name in entry.pins)
        place = located.place.completed_by(self._edge) if located.place else self._edge
        placed, latency = located.place is not None, self.ranked.latency
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
    ranked: Ranking, subnets: Subnets, geo_pins: GeoPins, edge: Place, rules: list[PinRule]
) -> Geography:
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
        latency=_latency(ranked.latency) if ranked.latency else None,
        standing=[
            (ranked.countries[name], ranked.capacities[name])
            for name in ranked.regions
            if name in ranked.capacities
        ],
        edge_country=ranked.edge_country,
    )


def _latency(latency: Latency) -> NativeLatency:
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
        countries=list(latency.countries.items()),
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
    databases = locator.databases
    try:
        with ExitStack() as lent:
            return NativeMap(
                [
                    (lent.enter_context(database.lend()), database.place_index())
                    for database in databases
                ],
                geography,
                meter,
                rows,
                before,
            )
    except GeoError as error:
        names = ", ".join(database.name for database in databases)
        raise GeoError(f"{names}: no map can be compiled: {error}") from error
