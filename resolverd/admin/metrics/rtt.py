"""Round-trip times: what this host's probes measured, and how the pages of regions are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from resolverd.admin.metrics.family import Samples, gauge
from resolverd.admin.metrics.values import Values
from resolverd.rtt.page_watch import PageState

_NO_PAGE = "for regions without `rtt`"


def _by_region(values: Values) -> Mapping[str, list[PageState]]:
    known: defaultdict[str, list[PageState]] = defaultdict(list)
    for page, state in values.served.round_trips.pages.states().items():
        known[page.region].append(state)
    return known


@gauge(
    "resolverd_region_connect_seconds",
    "The least time of a TCP handshake with any of the region's endpoints in the last ten minutes.",
    labels=("region",),
    absent="until there was one",
)
def least_connects(values: Values) -> Samples:
    for region, known in values.served.round_trips.edge().items():
        yield (region,), known.ms / 1000


@gauge(
    "resolverd_region_connect_implausible",
    "1 while that time is shorter than light in fibre could make it, and is not used; else 0.",
    labels=("region",),
    absent="until there was one",
)
def implausible(values: Values) -> Samples:
    for region, known in values.served.round_trips.edge().items():
        yield (region,), float(bool(known.implausible))


@gauge(
    "resolverd_rtt_page_ok",
    "1 while each page of round-trip times of the region is read, and nothing of it left out; "
    "else 0.",
    labels=("region",),
    absent=_NO_PAGE,
)
def sound(values: Values) -> Samples:
    for region, states in _by_region(values).items():
        faults = [s for s in states if s.reason or s.content.left_out or s.read_at is None]
        yield (region,), float(not faults)


@gauge(
    "resolverd_rtt_page_rows",
    "Rows that the region's pages have, as far as they were taken.",
    labels=("region",),
    absent=_NO_PAGE,
)
def rows(values: Values) -> Samples:
    for region, states in _by_region(values).items():
        yield (region,), sum(state.content.rows for state in states)


@gauge(
    "resolverd_rtt_page_age_seconds",
    "How long ago the oldest of the region's pages was what it says.",
    labels=("region",),
    absent=f"{_NO_PAGE}, and until each page was read",
)
def ages(values: Values) -> Samples:
    for region, states in _by_region(values).items():
        if all(state.read_at is not None for state in states):
            yield (region,), max(0.0, values.unix - min(state.as_of for state in states))


@gauge(
    "resolverd_rtt_table_writable",
    "1 while the table of measured times can be kept, 0 while it cannot.",
    absent="where `server.state` is empty",
)
def writable(values: Values) -> Samples:
    if values.served.round_trips.file is not None:
        yield (), float(not values.served.round_trips.write_error)
