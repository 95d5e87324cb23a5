"""Measurements made up for tests: rows of prefixes as columns, random samples and fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix
from resolverd.rtt.cables import hubs
from resolverd.rtt.field import Field, Origin, Scale
from resolverd.rtt.latency import Measured
from resolverd.rtt.samples import PrefixColumns, Row, Sample, Samples, believed

Coordinates = tuple[float, float]
CODES = ("IE", "DE", "US", "JP", "IN")

milliseconds = st.one_of(st.integers(1, 400).map(float), st.floats(0.5, 400, width=32))
confidences = st.sampled_from([0.125, 0.5, 0.875, 1.0])


def columns_of(rows: Mapping[Prefix, Row], bits: int) -> PrefixColumns:
    """The rows of one family's prefixes."""
    made = PrefixColumns()
    here = [prefix for prefix in rows if prefix.bits == bits]
    for prefix in sorted(here, key=lambda p: (p.address, p.length)):
        high, low = divmod(prefix.address << (128 - bits), 1 << 64)
        made.high.append(high)
        made.low.append(low)
        made.lengths.append(prefix.length)
        for region, ms, confidence in believed(rows[prefix]):
            made.regions.append(region)
            made.ms.append(ms)
            made.confidence.append(confidence)
        made.starts.append(len(made.regions))
    return made


def rows_of(count: int) -> st.SearchStrategy[Row]:
    """Rows of one to three samples of `count` regions."""
    samples = st.builds(Sample, st.integers(0, count - 1), milliseconds, confidences)
    return st.lists(samples, min_size=1, max_size=3, unique_by=lambda sample: sample.region).map(
        tuple
    )


@st.composite
def measured(
    draw: st.DrawFn,
    regions: Mapping[str, Coordinates],
    prefixes: st.SearchStrategy[Prefix],
    known: Sequence[str],
    asns: Sequence[int],
    places: Sequence[str],
) -> tuple[Measured, dict[Prefix, Row]]:
    """Anything that may be known of these regions, and the rows of prefixes in it.

    `known` are the regions that were measured, among which may be some that there are no more.
    """
    rows = rows_of(len(known))
    by_prefix = draw(st.dictionaries(prefixes, rows, max_size=8))
    samples = Samples(
        regions=tuple(known),
        countries=draw(st.dictionaries(st.sampled_from(CODES), rows, max_size=3)),
        places=draw(st.dictionaries(st.sampled_from([*places, "gone"]), rows, max_size=3)),
        asns=draw(st.dictionaries(st.sampled_from([*asns, 64999]), rows, max_size=3)),
        v4=columns_of(by_prefix, 32),
        v6=columns_of(by_prefix, 128),
    )
    points = tuple(regions.values())
    degrees = st.tuples(st.integers(-80, 80), st.integers(-170, 170))
    weights = st.tuples(*[st.floats(-2, 2) for _ in points])
    field = Field(
        points,
        bases=draw(st.tuples(*[st.floats(0, 20) for _ in points])),
        slopes=draw(st.tuples(*[st.floats(0.005, 0.03) for _ in points])),
        hubs=hubs(points) if draw(st.booleans()) else (),
        scales=(Scale(20.0, 300.0), Scale(8.0, 3000.0)),
        country_variance=draw(st.sampled_from([0.0, 15.0])),
        origins=tuple(
            Origin(draw(degrees), draw(st.sampled_from([*CODES, ""])), draw(weights))
            for _ in range(draw(st.integers(0, 4)))
        ),
    )
    return Measured(samples, dict(regions), field), by_prefix
