"""What is expected between clients and the regions of one service: all knowledge in one question.

`Measured` is what a configuration knows: what its tables say, and the field estimated from that
over all its regions. A `Latency` is its part for one service: **columns**, first of the service's
regions in their order, then of others that were measured, which tell what of a residual is the
client's own. Both are compared by identity: what was read again is another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import lru_cache
from typing import NamedTuple, TypeVar

from resolverd.dns.prefix import Prefix
from resolverd.geo.distance import Coordinates
from resolverd.geo.place import Place
from resolverd.rtt.blend import blended
from resolverd.rtt.cables import geography
from resolverd.rtt.field import Field, Hub, Origin
from resolverd.rtt.fit import field_of
from resolverd.rtt.samples import Row, Sample, Samples, believed

Key = TypeVar("Key")


class Step(NamedTuple):
    """One source of knowledge: its name, its row, and the times (ms by column) with it."""

    source: str
    row: Row
    times: list[float]


class Latency:
    """Expected times from a client to each column; `names` has those of all columns."""

    def __init__(self, samples: Samples, whole: Field, names: Sequence[str], known: Sequence[str]):
        """Of the columns `names`, each of which is one of `known`, the regions of `whole`."""
        self.samples, self.names = samples, tuple(names)
        self.field = _columns(whole, [known.index(name) for name in names])
        place_of = {name: column for column, name in enumerate(names)}
        self.columns = tuple(place_of.get(name) for name in samples.regions)
        """The column of each region that samples speak of by index, None for those without one."""
        self.countries = self._rows(samples.countries)
        self.places = self._rows(samples.places)
        # No client is in AS 0 (RFC 7607), which stands for an unknown one.
        self.asns = self._rows({number: row for number, row in samples.asns.items() if number})

    def times(self, place: Place, row: Row = ()) -> list[float]:
        """Milliseconds to each column for a client there; `row` is that of its own prefix."""
        times = self.of_place(place)
        return blended(times, believed(row)) if row else times

    def of_place(self, place: Place) -> list[float]:
        """Milliseconds to each column, by all that is known but the client's prefix."""
        point = place.point
        assert point is not None, "who is ranked has the edge's point at least"
        times = self.field.expected(point, place.country)
        for _, known in self._known_of(place):
            times = blended(times, believed(known))
        return times

    def steps(self, place: Place, row: Row = ()) -> list[Step]:
        """How `times` comes about, one source of knowledge after another."""
        point = place.point
        assert point is not None, "who is ranked has the edge's point at least"
        prior = self.field._replace(origins=())
        steps = [Step("geography", (), prior.expected(point, place.country))]
        if self.field.origins:
            steps.append(Step("landmarks", (), self.field.expected(point, place.country)))
        for source, known in (*self._known_of(place), ("prefix", row)):
            if known:
                steps.append(Step(source, known, blended(steps[-1].times, believed(known))))
        return steps

    def around(self, host: Prefix) -> tuple[Row, int]:
        """The row of the longest measured prefix around an address, and the bits that share it."""
        row, boundary = self.samples.around(host)
        return self._translated(row), boundary

    def _known_of(self, place: Place) -> list[tuple[str, Row]]:
        """What was measured of the place, the least specific first."""
        known = (
            ("country", self.countries.get(place.country or "", ())),
            ("asn", self.asns.get(place.asn or 0, ())),
            ("place", self.places.get(place.name, ())),
        )
        return [(source, row) for source, row in known if row]

    def _rows(self, rows: Mapping[Key, Row]) -> dict[Key, Row]:
        translated = {key: self._translated(row) for key, row in rows.items()}
        return {key: row for key, row in translated.items() if row}

    def _translated(self, row: Row) -> Row:
        return tuple(
            Sample(column, *sample[1:])
            for sample in row
            if (column := self.columns[sample.region]) is not None
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """What tables say, and the field over `regions`, the coordinates of all regions by name.

    Where nothing was measured the field is None, and is made for the first service that asks: the
    ways of cables take some 60 ms, which a start without such a service need not spend.
    """

    samples: Samples
    regions: Mapping[str, Coordinates]
    field: Field | None
    _made: dict[tuple[str, ...], Latency] = attribute(default_factory=dict)

    @classmethod
    def of(cls, samples: Samples, regions: Mapping[str, Coordinates]) -> Measured:
        """Estimate the field; takes up to seconds."""
        return cls(samples, dict(regions), field_of(samples, regions))

    @staticmethod
    def nothing(regions: Mapping[str, Coordinates]) -> Measured:
        """Where nothing was measured: of regions at the same places always the same object."""
        return _nothing(tuple(regions.items()))

    def latency(self, regions: tuple[str, ...]) -> Latency:
        """The part for a service of these regions; for the same ones the same object."""
        if regions not in self._made:
            others = [n for n in self.samples.regions if n not in regions and n in self.regions]
            whole = self.field or geography(tuple(self.regions.values()))
            self._made[regions] = Latency(
                self.samples, whole, [*regions, *others], list(self.regions)
            )
        return self._made[regions]


@lru_cache(maxsize=4)
def _nothing(regions: tuple[tuple[str, Coordinates], ...]) -> Measured:
    return Measured(Samples(), dict(regions), None)


def _columns(whole: Field, numbers: Sequence[int]) -> Field:
    def chosen(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(values[number] for number in numbers)

    return whole._replace(
        regions=tuple(whole.regions[number] for number in numbers),
        bases=chosen(whole.bases),
        slopes=chosen(whole.slopes),
        hubs=tuple(Hub(hub.point, chosen(hub.ways)) for hub in whole.hubs),
        origins=tuple(
            Origin(origin.point, origin.country, chosen(origin.weights)) for origin in whole.origins
        ),
    )
