"""What was asked and answered, all workers together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from resolverd.admin.metrics.family import Histogram, Samples, counter, histogram
from resolverd.admin.metrics.values import Values
from resolverd.dns.codes import RCODE_NAMES, TYPE_NAMES
from resolverd.engine.slots import FIXED, TTL_BOUNDS

_TRANSPORTS = next(family.axes[0] for family in FIXED if family.field == "received")


@counter("resolverd_queries_total", "Packets received.", labels=("transport",))
def queries(values: Values) -> Samples:
    # 0 until the first one: an edge that gets none since its start is told by this.
    for transport in _TRANSPORTS:
        yield (str(transport),), values.counted.received.get(str(transport), 0)


@counter(
    "resolverd_responses_total",
    "Responses, by transport, query type and response code.",
    labels=("transport", "qtype", "rcode"),
    absent="until there is one",
)
def responses(values: Values) -> Samples:
    for (transport, qtype, rcode), count in values.counted.responses.items():
        yield (transport, _type(qtype), RCODE_NAMES.get(rcode, str(rcode))), count


@counter(
    "resolverd_answers_total",
    "Answers of services, by region, outcome, and whether it was the client's first choice.",
    labels=("service", "region", "outcome", "choice"),
    absent="until there is one",
)
def answers(values: Values) -> Samples:
    for key, count in values.counted.steered.items():
        first = values.counted.first_choice[key]
        for choice, share in (("first", first), ("other", count - first)):
            if share:
                yield (*key, choice), share


@histogram(
    "resolverd_answer_ttl_seconds",
    "TTLs given in answers of services.",
    labels=("service",),
    absent="until the service has answered",
)
def ttls(values: Values) -> Samples:
    bounds = [*map(float, TTL_BOUNDS), math.inf]
    for service, given in values.counted.ttl_sums.items():
        total, buckets = 0, []
        for index, bound in enumerate(bounds):
            total += values.counted.ttls[(service, index)]
            buckets.append((bound, total))
        yield (service,), Histogram(buckets, given)


@counter(
    "resolverd_pinned_answers_total",
    "Answers that a pin decided. The pin `(unplaced)` counts clients of unknown country and "
    "unpinned continent, where pins go by these and no pin has `unplaced = true`.",
    labels=("pin",),
    absent="until a pin has decided one",
)
def pinned(values: Values) -> Samples:
    return _each(values.counted.pinned)


@counter(
    "resolverd_dropped_total",
    "Packets that got no response, by reason.",
    labels=("reason",),
    absent="until there is one",
)
def dropped(values: Values) -> Samples:
    return _each(values.counted.dropped)


@counter(
    "resolverd_malformed_total",
    "Queries that got FORMERR, by kind.",
    labels=("kind",),
    absent="until there is one",
)
def malformed(values: Values) -> Samples:
    return _each(values.counted.malformed)


@counter("resolverd_truncated_total", "Responses that were cut short, with TC.")
def truncated(values: Values) -> Samples:
    yield (), values.counted.truncated


@counter(
    "resolverd_failed_total",
    "Queries that met a defect and got SERVFAIL, by exception.",
    labels=("exception",),
    absent="until there is one",
)
def failed(values: Values) -> Samples:
    return _each(values.counted.failed)


@counter(
    "resolverd_send_errors_total",
    "Responses that could not be sent, by error.",
    labels=("error",),
    absent="until there is one",
)
def send_errors(values: Values) -> Samples:
    return _each(values.counted.send_errors)


@counter(
    "resolverd_tcp_closed_total",
    'TCP connections closed at once or early, by limit: see "TCP connections".',
    labels=("limit",),
    absent="until there is one",
)
def tcp_closed(values: Values) -> Samples:
    return _each(values.counted.tcp_refused)


def _each(counts: Mapping[str, int]) -> Iterator[tuple[tuple[str], int]]:
    return (((label,), count) for label, count in counts.items())


def _type(qtype: int) -> str:
    return TYPE_NAMES.get(qtype, "none" if qtype == 0 else "other")
