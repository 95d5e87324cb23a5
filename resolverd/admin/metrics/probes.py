"""Probes: how they ended, how long they took, and whether this host is cut off from all of them."""

from __future__ import annotations

import math

from resolverd.admin.metrics.family import Samples, Summary, counter, gauge, summary
from resolverd.admin.metrics.values import LABELS, Values


@counter(
    "resolverd_probes_total",
    "Probes, by result: ok, failed; superseded (cancelled when a later one had an outcome); "
    "failed_late (failed after a later one had succeeded).",
    labels=(*LABELS, "result"),
)
def probes(values: Values) -> Samples:
    for subject, counted in values.known(values.served.monitor.counters()):
        yield (*subject, "ok"), counted.probes - counted.failures
        yield (*subject, "failed"), counted.failures - counted.superseded_failures
        yield (*subject, "failed_late"), counted.superseded_failures
        yield (*subject, "superseded"), counted.superseded


@summary("resolverd_probe_duration_seconds", "How long probes took.", labels=LABELS)
def durations(values: Values) -> Samples:
    for subject, counted in values.known(values.served.monitor.counters()):
        yield subject, Summary(counted.probes, counted.latency_sum)


@gauge(
    "resolverd_probe_last_duration_seconds",
    "How long the last probe took.",
    labels=LABELS,
    absent="until one has ended",
)
def last_durations(values: Values) -> Samples:
    for subject, counted in values.known(values.served.monitor.counters()):
        if not math.isnan(counted.latency):
            yield subject, counted.latency


@gauge(
    "resolverd_probe_isolated",
    "1 while no region responds, so that this host is taken to be cut off from them; else 0.",
)
def isolated(values: Values) -> Samples:
    yield (), float(values.served.monitor.isolation.isolated)
