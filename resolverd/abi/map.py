"""Place indexes and client maps of the native library (`native/src/ffi/map.rs`).

A `PlaceIndex` is what a database's records hold, once read and checked; a `NativeMap` is compiled
from databases with their place indexes for one geography. Both hold no octet of the files.
Calls block for up to seconds and hold no lock of Python's meanwhile; a `Meter` that they were
given shows how far they are.
"""

from __future__ import annotations

import ctypes
import math
import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from mmap import mmap
from typing import NamedTuple

from resolverd.abi.contract import Handles, Numbers, Spans
from resolverd.abi.countries import Country, table_of
from resolverd.abi.library import OutBuf, Span, library, release_after
from resolverd.abi.limits import MAX_REGIONS, ORDERS
from resolverd.abi.meter import Meter
from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError

REASON_OCTETS = 1024
# The column of a region that there is none for.
_NO_COLUMN = 65_535
_LARGEST_ANSWER = 4 + MAX_REGIONS + 2 * 65_535

Content = bytes | mmap
"""The octets of a database; of an mmap, one made with ACCESS_COPY."""


class PlaceIndex:
    """The places of one database that passed its check, and what the check counted.

    `networks` are the tree's records that name data, `records` the distinct data records,
    `unreadable` those of them that cannot be read, `places` the distinct places, `octets` the
    memory they take. `handle` is valid while this object lives.
    """

    def __init__(
        self, content: Content, countries: Mapping[str, Country], meter: Meter | None = None
    ) -> None:
        """Check the whole database in `content`. Raises GeoError, without its name."""
        report = array("Q", bytes(8 * 5))
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        table = table_of(countries)
        handle = library().resolverd_place_index_read(
            _span(content),
            Span.of(table),
            (meter or Meter()).lent(),
            Numbers(*report.buffer_info()),
            OutBuf.of(reason),
        )
        if handle is None:
            raise GeoError(reason.value.decode("utf-8", "replace"))
        self.handle: int = handle
        release_after(self, library().resolverd_place_index_release, handle)
        self.networks, self.records, self.unreadable, self.places, self.octets = report

    def keep_paths(self) -> None:
        """Keep what compilations find in the tree, for the next of several: 4 octets a network."""
        library().resolverd_place_index_keep_paths(self.handle)


class Region(NamedTuple):
    """One region; coordinates in degrees, `seed` as `ranking.region_seed` has it."""

    latitude: float
    longitude: float
    weight: int
    seed: int


Measurements = Sequence[tuple[int, float, float]]
"""Samples of one row: column, milliseconds, and how far they are believed, from 0 to 1."""

Columns = Sequence["array[int] | array[float]"]
"""Rows of prefixes of one family, as `native/src/geo/prefix_rows.rs` has them."""


class Hub(NamedTuple):
    """Where cables meet; coordinates in degrees, and the kilometres to each column."""

    latitude: float
    longitude: float
    ways: Sequence[float]


class Landmark(NamedTuple):
    """One landmark of a field; coordinates in degrees, a weight for each column."""

    latitude: float
    longitude: float
    country: str
    weights: Sequence[float]


class Latency(NamedTuple):
    """What is expected and was measured (`native/src/geo/latency.rs`).

    `columns` are latitude, longitude, base and slope of the regions and then of others; `scales`
    variance and length; `numbers` the column of each region that prefix rows speak of; `own` are
    own places by their index.
    """

    columns: Sequence[tuple[float, float, float, float]]
    hubs: Sequence[Hub]
    scales: Sequence[tuple[float, float]]
    country_variance: float
    landmarks: Sequence[Landmark]
    numbers: Sequence[int | None]
    countries: Sequence[tuple[str, Measurements]]
    asns: Sequence[tuple[int, Measurements]] = ()
    own: Sequence[tuple[int, Measurements]] = ()

    def octets(self) -> bytes:
        """The octets that `native/src/geo/geography.rs` reads."""
        return b"".join(
            (
                _list(struct.pack("!dddd", *column) for column in self.columns),
                _list(
                    struct.pack("!dd", one.latitude, one.longitude) + _doubles(one.ways)
                    for one in self.hubs
                ),
                _list(struct.pack("!dd", *scale) for scale in self.scales),
                struct.pack("!d", self.country_variance),
                _list(
                    struct.pack("!dd2s", one.latitude, one.longitude, one.country.encode())
                    + _doubles(one.weights)
                    for one in self.landmarks
                ),
                _list(
                    (_NO_COLUMN if number is None else number).to_bytes(2, "big")
                    for number in self.numbers
                ),
                _list(
                    struct.pack("!2s", code.encode()) + _samples(row)
                    for code, row in self.countries
                ),
                _list(struct.pack("!I", number) + _samples(row) for number, row in self.asns),
                _list(struct.pack("!H", number) + _samples(row) for number, row in self.own),
            )
        )


class OwnPlace(NamedTuple):
    """A place that the operator knows himself.

    `point` is what he says, in degrees; `fallback` that or his country's, for where no database
    has a point of it. `country` and `continent` are codes, empty where none is said; `pin` is the
    index of its pin.
    """

    point: tuple[float, float] | None
    fallback: tuple[float, float] | None
    country: str
    continent: str
    pin: int | None

    def octets(self) -> bytes:
        """As `native/src/geo/geography.rs` reads it."""
        nowhere = (math.nan, math.nan)  # no coordinate is one
        degrees = struct.pack("!dddd", *(self.point or nowhere), *(self.fallback or nowhere))
        codes = struct.pack("!2s2s", self.country.encode(), self.continent.encode())
        return degrees + codes + (0 if self.pin is None else self.pin + 1).to_bytes(2, "big")


class Geography(NamedTuple):
    """What one map is compiled for (`native/src/geo/geography.rs`).

    Pins are lists of region indices, in the order of their names; subnets, countries and
    continents name a pin by its index, and so do `unplaced` and `default`. `edge` is where
    unplaced clients are taken to stand. `biases` are factor and what is added, of each region in
    the unit of the policy's cost; `latency` goes with the policy of that name. `country_capacities`
    has the country (or "") and the capacity of each region where places decide, `edge_country` is
    where this edge host stands, or "". `nat64` are a network's own NAT64 prefixes; `own` its own
    places, which `own_subnets` and `own_asns` name by index; `asns` are pins by autonomous system.
    """

    policy: str
    block_v4: int
    block_v6: int
    edge: tuple[float, float]
    regions: Sequence[Region]
    pins: Sequence[Sequence[int]]
    subnets: Sequence[tuple[Prefix, int]]
    countries: Sequence[tuple[str, int]]
    continents: Sequence[tuple[str, int]]
    unplaced: int | None = None
    default: int | None = None
    biases: Sequence[tuple[float, float]] = ()
    latency: Latency | None = None
    country_capacities: Sequence[tuple[str, float]] = ()
    edge_country: str = ""
    nat64: Sequence[Prefix] = ()
    own: Sequence[OwnPlace] = ()
    own_subnets: Sequence[tuple[Prefix, int]] = ()
    own_asns: Sequence[tuple[int, int]] = ()
    asns: Sequence[tuple[int, int]] = ()

    def octets(self) -> bytes:
        """The octets that `native/src/geo/geography.rs` reads."""
        return b"".join(
            (
                bytes((ORDERS[self.policy], self.block_v4, self.block_v6)),
                struct.pack("!dd", *self.edge),
                _list(struct.pack("!dddQ", *region) for region in self.regions),
                _list(_list(bytes((region,)) for region in pin) for pin in self.pins),
                _list(_prefix(p) + pin.to_bytes(2, "big") for p, pin in self.subnets),
                _list(struct.pack("!2sH", code.encode(), pin) for code, pin in self.countries),
                _list(struct.pack("!2sH", code.encode(), pin) for code, pin in self.continents),
                _list(pin.to_bytes(2, "big") for pin in (self.unplaced,) if pin is not None),
                _list(pin.to_bytes(2, "big") for pin in (self.default,) if pin is not None),
                _list(struct.pack("!dd", *bias) for bias in self.biases),
                _list(latency.octets() for latency in (self.latency,) if latency is not None),
                _list(
                    struct.pack("!2sd", code.encode(), size)
                    for code, size in self.country_capacities
                ),
                struct.pack("!2s", self.edge_country.encode()),
                _list(map(_prefix, self.nat64)),
                _list(place.octets() for place in self.own),
                _list(_prefix(p) + place.to_bytes(2, "big") for p, place in self.own_subnets),
                _list(struct.pack("!IH", asn, place) for asn, place in self.own_asns),
                _list(struct.pack("!IH", asn, pin) for asn, pin in self.asns),
            )
        )


class NativeMapEntry(NamedTuple):
    """What a look-up found: region indices, best first; bits of the scope; pin indices."""

    preference: bytes
    scope: int
    pins: tuple[int, ...]


class NativeMap:
    """A client map in the library; `handle` is valid while this object lives.

    `lists` counts its distinct preference lists with their rules, `leaves` the networks that
    are told apart, `octets` the memory they take.
    """

    def __init__(
        self,
        databases: Sequence[tuple[Content, PlaceIndex]],
        geography: Geography,
        meter: Meter | None = None,
        rows: Sequence[Columns] = (),
        earlier: NativeMap | None = None,
    ) -> None:
        """Compile. Raises GeoError with the reason where the databases do not allow it.

        `rows` are what was measured of prefixes, of IPv4 and then of IPv6, if anything; nobody
        leaves the order of the `earlier` map for a little.
        """
        spans, handles = lent_databases(databases)
        columns = [_lent(column) for family in rows for column in family]
        lent = (Span * len(columns))(*columns)
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        handle = library().resolverd_map_compile(
            Spans(ctypes.addressof(spans), len(databases)),
            Handles(ctypes.addressof(handles), len(databases)),
            Span.of(geography.octets()),
            Spans(ctypes.addressof(lent), len(columns)),
            earlier.handle if earlier else None,
            (meter or Meter()).lent(),
            OutBuf.of(reason),
        )
        if handle is None:
            raise GeoError(reason.value.decode("utf-8", "replace"))
        self._hold(handle)

    @classmethod
    def restored(cls, saved: bytes, geography: Geography, start: int = 0) -> NativeMap | None:
        """The map that `saved` gave these octets of, compiled for `geography`; None for others.

        They begin at `start`. They are read where they lie, being about as large as the map.
        """
        span = Span.of(geography.octets())
        handle = library().resolverd_map_restore(Span.of(saved, start), span)
        if handle is None:
            return None
        restored = cls.__new__(cls)
        restored._hold(handle)
        return restored

    def saved(self) -> memoryview:
        """All of it, for `restored`: its lists, and its leaves as they lie in memory."""
        most = 64 + self.octets + 4 * self.leaves + (5 + MAX_REGIONS) * self.lists
        memory = mmap(-1, most)  # of which there is as much as is written
        room = (ctypes.c_char * most).from_buffer(memory)
        length = library().resolverd_map_save(self.handle, OutBuf.of(room))
        assert length >= 0, "there is room for every leaf, and for lists of all regions"
        return memoryview(room).cast("B")[:length].toreadonly()

    def _hold(self, handle: int) -> None:
        self.handle = handle
        release_after(self, library().resolverd_map_release, handle)
        size = array("Q", bytes(8 * 3))
        library().resolverd_map_size(handle, Numbers(*size.buffer_info()))
        self.lists, self.leaves, self.octets = size

    def lookup(self, client: Prefix) -> NativeMapEntry:
        """The preference list, scope and pins of a client prefix."""
        out = ctypes.create_string_buffer(_LARGEST_ANSWER)
        address = client.address.to_bytes(client.bits // 8, "big")
        length = library().resolverd_map_lookup(
            self.handle, Span.of(address), client.length, OutBuf.of(out)
        )
        assert length >= 4, "an address of 4 or 16 octets and a live map are always answered"
        answer = ctypes.string_at(out, length)
        scope, count, pins = struct.unpack_from("!BBH", answer)
        return NativeMapEntry(
            answer[4 : 4 + count], scope, struct.unpack_from(f"!{pins}H", answer, 4 + count)
        )

    def time(self, clients: Iterable[Prefix]) -> float:
        """Nanoseconds that one look-up takes, over these clients."""
        lent = b"".join(map(_prefix, clients))
        taken: float = library().resolverd_map_time(self.handle, Span.of(lent))
        return taken


def lent_databases(
    databases: Sequence[tuple[Content, PlaceIndex]],
) -> tuple[ctypes.Array[Span], ctypes.Array[ctypes.c_void_p]]:
    """The octets of databases, and the handles of their place indexes, for one call."""
    spans = (Span * len(databases))(*(_span(content) for content, _ in databases))
    handles = (ctypes.c_void_p * len(databases))(*(places.handle for _, places in databases))
    return spans, handles


def _prefix(prefix: Prefix) -> bytes:
    family = 4 if prefix.bits == 32 else 6
    return bytes((family, prefix.length)) + (prefix.address << (128 - prefix.bits)).to_bytes(16)


def _list(items: Iterable[bytes]) -> bytes:
    joined = list(items)
    return len(joined).to_bytes(4, "big") + b"".join(joined)


def _doubles(numbers: Sequence[float]) -> bytes:
    return struct.pack(f"!I{len(numbers)}d", len(numbers), *numbers)


def _samples(row: Measurements) -> bytes:
    return _list(struct.pack("!Hdd", *sample) for sample in row)


def _lent(column: array[int] | array[float]) -> Span:
    """A column, which must stay referenced and as it is until the call returns."""
    start, count = column.buffer_info()
    return Span(ctypes.cast(start, ctypes.c_char_p), count * column.itemsize)


def _span(content: Content) -> Span:
    if isinstance(content, bytes):
        return Span.of(content)
    start = ctypes.addressof(ctypes.c_char.from_buffer(content))
    return Span(ctypes.cast(start, ctypes.c_char_p), len(content))
