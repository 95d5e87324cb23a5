"""Measured round-trip times by what they hold for: landmark, country, place, ASN and prefix.

A row is what one of them was measured at: a sample for each region that measured it. Of prefixes
there may be a million, so theirs stand in columns.
"""

from __future__ import annotations

from array import array
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
        """The row of the longest measured prefix around `client`, and a boundary.

        The boundary counts the bits such that every address sharing them with the client's first
        one has that row. The row is empty where nothing was measured.
        """
        raise NotImplementedError
