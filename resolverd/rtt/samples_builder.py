"""Rows of tables as they are read, in any order, made into `Samples`.

A weight is how many measurements a row stands for, the old ones counting less. Rows of one region
and one prefix (ASN, country, place, landmark) are joined: their mean by weight, and all weight.
"""

from __future__ import annotations

from array import array
from itertools import compress, islice, pairwise
from operator import lt
from typing import Final

from resolverd.dns.prefix import Bits, Prefix
from resolverd.rtt.samples import Landmark, PrefixColumns, Row, Sample, Samples
from resolverd.rtt.where import Asn, CountryCode, LandmarkAt, PlaceName, Where

HALF_CONFIDENCE: Final = 2.0
"""How many measurements it takes to be believed half."""

_Sums = dict[int, tuple[float, float, float]]
"""By region, the sum of weights, that of weight × ms, and the least age in seconds."""


class PrefixRows:
    """Rows of prefixes of one family: `keys` are address, length (8 bits) and region (16 bits).

    `lines` are those of the table that is being read; of several there are none.
    """

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.ms: list[float] = []
        self.weights: list[float] = []
        self.ages: list[float] = []
        self.lines: array[int] = array("I")

    def add(self, other: PrefixRows) -> None:
        """Append all rows of another table."""
        self.keys += other.keys
        self.ms += other.ms
        self.weights += other.weights
        self.ages += other.ages

    def leave_out(self, region: int) -> None:
        """Remove the rows of a region."""
        kept = [key & 0xFFFF != region for key in self.keys]
        self.keys = list(compress(self.keys, kept))
        self.ms = list(compress(self.ms, kept))
        self.weights = list(compress(self.weights, kept))
        self.ages = list(compress(self.ages, kept))
        self.lines = array("I", compress(self.lines, kept))

    def columns(self, bits: int) -> PrefixColumns:
        """All rows by prefix and region; sorted and joined only where they have to be."""
        keys, ms, weights, ages = self.keys, self.ms, self.weights, self.ages
        if not all(map(lt, keys, islice(keys, 1, None))):
            keys, ms, weights, ages = _joined(keys, ms, weights, ages)
        columns = PrefixColumns()
        columns.regions = array("H", [key & 0xFFFF for key in keys])
        columns.ms = array("f", ms)
        columns.confidence = array("f", [weight / (weight + HALF_CONFIDENCE) for weight in weights])
        columns.ages = array("f", ages)
        whole = [key >> 16 for key in keys]
        starts = [i for i, (a, b) in enumerate(pairwise(whole), 1) if a != b]
        if whole:
            starts = [0, *starts]
        prefixes = [whole[start] for start in starts]
        columns.starts = array("I", [*starts, len(whole)])
        columns.lengths = array("B", [prefix & 0xFF for prefix in prefixes])
        if bits == 32:
            columns.high = array("Q", [prefix >> 8 << 32 for prefix in prefixes])
            columns.low = array("Q", bytes(8 * len(prefixes)))
        else:
            columns.high = array("Q", [prefix >> 72 for prefix in prefixes])
            columns.low = array("Q", [prefix >> 8 & 0xFFFFFFFFFFFFFFFF for prefix in prefixes])
        return columns


class SamplesBuilder:
    """What was read so far of these regions."""

    def __init__(self, regions: tuple[str, ...]) -> None:
        self._regions = regions
        self._v4, self._v6 = PrefixRows(), PrefixRows()
        self._rows: dict[Where, _Sums] = {}

    def of_prefix(self, prefix: Prefix) -> tuple[PrefixRows, int]:
        """Where rows of a prefix belong, and the key of its region 0."""
        rows = self._v4 if prefix.bits == 32 else self._v6
        return rows, (prefix.address << 8 | prefix.length) << 16

    def sampled(self, most: int) -> dict[int, list[tuple[Prefix, float, int]]]:
        """By region about so many of its prefixes, evenly spread: each with its ms and its line."""
        sampled: dict[int, list[tuple[Prefix, float, int]]] = {}
        families: tuple[tuple[Bits, PrefixRows], ...] = ((32, self._v4), (128, self._v6))
        for bits, rows in families:
            by_region: dict[int, list[int]] = {}
            for at, key in enumerate(rows.keys):
                by_region.setdefault(key & 0xFFFF, []).append(at)
            for region, found in by_region.items():
                prefixes = sampled.setdefault(region, [])
                for at in found[:: max(1, len(found) // most)]:
                    key = rows.keys[at] >> 16
                    prefix = Prefix(bits, key >> 8, key & 0xFF)
                    prefixes.append((prefix, rows.ms[at], rows.lines[at]))
        return sampled

    def leave_out(self, region: int) -> None:
        """Remove what is said of prefixes for a region."""
        self._v4.leave_out(region)
        self._v6.leave_out(region)

    def add_row(self, where: Where, region: int, ms: float, weight: float, age: float) -> None:
        """Add what anything else was measured at; `age` is in seconds."""
        sums = self._rows.setdefault(where, {})
        weights, times, youngest = sums.get(region, (0.0, 0.0, age))
        sums[region] = weights + weight, times + weight * ms, min(youngest, age)

    def add(self, other: SamplesBuilder) -> None:
        """Add all rows of another table."""
        self._v4.add(other._v4)
        self._v6.add(other._v6)
        for where, sums in other._rows.items():
            for region, (weight, total, age) in sums.items():
                self.add_row(where, region, total / weight if weight else 0.0, weight, age)

    def build(self) -> Samples:
        """Everything, joined and sorted."""
        landmarks, countries, places, asns = [], {}, {}, {}
        for where, sums in self._rows.items():
            row = _row(sums)
            if isinstance(where, LandmarkAt):
                landmarks.append(Landmark(where.point, where.country, row))
            elif isinstance(where, CountryCode):
                countries[where.code] = row
            elif isinstance(where, PlaceName):
                places[where.name] = row
            elif isinstance(where, Asn):
                asns[where.number] = row
        return Samples(
            self._regions,
            tuple(sorted(landmarks)),
            countries,
            places,
            asns,
            self._v4.columns(32),
            self._v6.columns(128),
        )


def _row(sums: _Sums) -> Row:
    return tuple(
        Sample(region, total / weight, weight / (weight + HALF_CONFIDENCE), age)
        for region, (weight, total, age) in sorted(sums.items())
        if weight > 0
    )


def _joined(
    keys: list[int], ms: list[float], weights: list[float], ages: list[float]
) -> tuple[list[int], list[float], list[float], list[float]]:
    """The same in the order of the keys, rows of one key joined: as old as the youngest."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    keys = [keys[i] for i in order]
    ms = [ms[i] for i in order]
    weights = [weights[i] for i in order]
    ages = [ages[i] for i in order]
    if len(set(keys)) == len(keys):
        return keys, ms, weights, ages
    once: list[int] = []
    means: list[float] = []
    totals: list[float] = []
    least: list[float] = []
    for key, time, weight, age in zip(keys, ms, weights, ages, strict=True):
        if once and key == once[-1]:
            total = totals[-1] + weight
            means[-1] += (time - means[-1]) * (weight / total if total else 0.5)
            totals[-1] = total
            least[-1] = min(least[-1], age)
        else:
            once.append(key)
            means.append(time)
            totals.append(weight)
            least.append(age)
    return once, means, totals, least
