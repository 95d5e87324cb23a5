"""Measured round-trip times by what they hold for: landmark, country, place, ASN and prefix.

A row is what one of them was measured at: a sample for each region that measured it. Of prefixes
there may be a million, so theirs stand in columns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import Coordinates


class Sample(NamedTuple):
    """The round-trip time of one region: `ms`, and how far it is believed, from 0 to 1.

    `region` is its index in `Samples.regions`.
    """

    region: int
    ms: float
    confidence: float


Row = tuple[Sample, ...]


class Landmark(NamedTuple):
    """A host whose place is known, such as an edge, and what it measured itself.

    `country` is an ISO 3166-1 alpha-2 code, empty where unknown.
    """

    point: Coordinates
    country: str
    row: Row


@dataclass(slots=True)
class PrefixColumns:
    """Rows of prefixes of one family, by address and then length; not changed once they are read.

    `high` and `low` are the two halves of each address, aligned left (an IPv4 address stands in
    the first 32 bits of `high`). The samples of prefix i are those from `starts[i]` to before
    `starts[i + 1]`.
    """

    high: array[int] = field(default_factory=lambda: array("Q"))
    low: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("B"))
    starts: array[int] = field(default_factory=lambda: array("I", [0]))
    regions: array[int] = field(default_factory=lambda: array("H"))
    ms: array[float] = field(default_factory=lambda: array("f"))
    confidence: array[float] = field(default_factory=lambda: array("f"))

    def __len__(self) -> int:
        return len(self.lengths)

    def row(self, index: int) -> Row:
        """The samples of the prefix at `index`."""
        return tuple(
            Sample(self.regions[at], self.ms[at], self.confidence[at])
            for at in range(self.starts[index], self.starts[index + 1])
        )

    def longest_around(self, host: Prefix) -> tuple[int | None, int]:
        """The index of the longest prefix around an address, and the bits that share it."""
        after = self._rank(host.bits, host.address, host.bits)
        boundary = 0
        for neighbour in (after - 1, after):
            if 0 <= neighbour < len(self):
                common = self._common(neighbour, host)
                if common < self.lengths[neighbour]:
                    boundary = max(boundary, common + 1)
        index = after - 1
        while index >= 0:
            length, common = self.lengths[index], self._common(index, host)
            if length <= common:
                return index, max(boundary, length)
            # Whatever lies around both is no longer than what they have in common.
            around = host.widened(common)
            index = self._rank(host.bits, around.address, common) - 1
        return None, boundary

    def _rank(self, bits: int, address: int, length: int) -> int:
        """How many prefixes stand before or at this one."""
        high, low = divmod(address << (128 - bits), 1 << 64)
        wanted = (high, low, length)
        return bisect_right(
            range(len(self)),
            wanted,
            key=lambda index: (self.high[index], self.low[index], self.lengths[index]),
        )

    def _common(self, index: int, host: Prefix) -> int:
        """How many bits the prefix at `index` begins with as `host` does, of all of its own."""
        address = (self.high[index] << 64 | self.low[index]) >> (128 - host.bits)
        return min(self.lengths[index], host.bits - (address ^ host.address).bit_length())


@dataclass(frozen=True, slots=True)
class Samples:
    """All that was measured. `regions` are the names that samples speak of by index.

    `places` are by the name of a `[place.NAME]`, `asns` by number, `countries` by code.
    """

    regions: tuple[str, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    countries: Mapping[str, Row] = field(default_factory=dict)
    places: Mapping[str, Row] = field(default_factory=dict)
    asns: Mapping[int, Row] = field(default_factory=dict)
    v4: PrefixColumns = field(default_factory=PrefixColumns)
    v6: PrefixColumns = field(default_factory=PrefixColumns)

    def around(self, client: Prefix) -> tuple[Row, int]:
        """The row of the longest measured prefix around the first address of `client`, and a
        boundary.

        The boundary counts the bits such that every address sharing them with that one has that
        row. The row is empty where nothing was measured.
        """
        columns = self.v4 if client.bits == 32 else self.v6
        host = Prefix(client.bits, client.address, client.bits)
        index, boundary = columns.longest_around(host)
        return (() if index is None else columns.row(index)), boundary
