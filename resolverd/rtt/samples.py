"""Measured round-trip times by what they hold for: landmark, country, place, ASN and prefix.

A row is what one of them was measured at: a sample for each region that measured it. Of prefixes
there may be a million, so theirs stand in columns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import Coordinates


class Sample(NamedTuple):
    """The round-trip time of one region: `ms`, and how far it is believed, from 0 to 1.

    `region` is its index in `Samples.regions`; `age` how many seconds ago it was measured last when
    its table was read, for people to see.
    """

    region: int
    ms: float
    confidence: float
    age: float = 0.0


Row = tuple[Sample, ...]


def believed(row: Row) -> list[tuple[int, float, float]]:
    """What of a row the estimate goes by: region, ms and confidence of each sample."""
    return [sample[:3] for sample in row]


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
    `starts[i + 1]`. `ages` has one for each sample, or none at all.
    """

    high: array[int] = field(default_factory=lambda: array("Q"))
    low: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("B"))
    starts: array[int] = field(default_factory=lambda: array("I", [0]))
    regions: array[int] = field(default_factory=lambda: array("H"))
    ms: array[float] = field(default_factory=lambda: array("f"))
    confidence: array[float] = field(default_factory=lambda: array("f"))
    ages: array[float] = field(default_factory=lambda: array("f"))

    def __len__(self) -> int:
        return len(self.lengths)

    def address(self, index: int) -> int:
        """The address of a prefix, in 128 bits and aligned left."""
        return self.high[index] << 64 | self.low[index]

    def row(self, index: int) -> Row:
        """The samples of a prefix."""
        return tuple(
            Sample(
                self.regions[i],
                self.ms[i],
                self.confidence[i],
                self.ages[i] if self.ages else 0.0,
            )
            for i in range(self.starts[index], self.starts[index + 1])
        )

    def last_until(self, address: int, length: int) -> int:
        """The index of the last prefix not behind (address, length); -1 if there is none."""
        high, low = address >> 64, address & 0xFFFFFFFFFFFFFFFF
        begin, end = bisect_left(self.high, high), bisect_right(self.high, high)
        begin, end = bisect_left(self.low, low, begin, end), bisect_right(self.low, low, begin, end)
        return bisect_right(self.lengths, length, begin, end) - 1


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
        """The row of the longest measured prefix around the first address of `client`.

        With it a boundary: every address that shares so many bits with that one has the same row.
        It may be longer than the client's prefix, where a measured one lies inside. The row is
        empty where nothing was measured.
        """
        columns = self.v4 if client.bits == 32 else self.v6
        address = client.address << (128 - client.bits)
        last = columns.last_until(address, 128)
        boundary = 0
        # The next one lies behind the address; of those before it that do not cover it the nearest
        # comes first, and whatever covers both is no longer than the bits they share.
        if last + 1 < len(columns):
            boundary = _shared(address, columns.address(last + 1)) + 1
        while last >= 0:
            length = columns.lengths[last]
            shared = _shared(address, columns.address(last))
            if shared >= length:
                return columns.row(last), max(boundary, length)
            boundary = max(boundary, shared + 1)
            last = columns.last_until(address >> (128 - shared) << (128 - shared), shared)
        return (), boundary


def _shared(a: int, b: int) -> int:
    """How many of the first bits of two addresses of 128 bits are the same."""
    return 128 - (a ^ b).bit_length()
