"""What a metric is: a name, a type, labels, a text, and the reader that gives its samples.

    @counter("resolverd_queries_total", "Packets received.", labels=("transport",))
    def queries(values: Values) -> Samples:
        for transport, count in values.counted.received.items():
            yield (transport,), count

The name is the one that a query of Prometheus uses. The reader gives label values in the order of
the labels, each combination at most once, and the value: a number; of a summary `Summary`, of a
histogram `Histogram`; an info's is always 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)

Kind = Literal["counter", "gauge", "info", "summary", "histogram"]
UNITS = ("seconds", "bytes", "ratio")


@dataclass(frozen=True, slots=True)
class Summary:
    """How many observations there were, and their sum."""

    count: float
    sum: float


class Histogram(NamedTuple):
    """Observations up to each bound, ascending, of which the last is infinite; and their sum."""

    buckets: Sequence[tuple[float, int]]
    sum: float


Value = float | Summary | Histogram
Samples = Iterable[tuple[Sequence[str], Value]]
Reader = Callable[[Any], Samples]
"""Of a daemon's metrics it is given `Values`; a process beside it has values of its own."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `absent` says for what, or while what, it has no sample; empty: it always has."""

    kind: Kind
    name: str
    doc: str
    labels: tuple[str, ...]
    absent: str
    read: Reader

    @property
    def text(self) -> str:
        """What it means, for Prometheus and for the page."""
        return f"{self.doc} Absent {self.absent}." if self.absent else self.doc

    @property
    def unit(self) -> str:
        """The base unit, which its name ends with; empty where it counts, or is 0 or 1."""
        base = self.name.removesuffix("_total")
        return next((unit for unit in UNITS if base.endswith(f"_{unit}")), "")

    def collect(self, values: object) -> Metric:
        """The family with its samples of the moment."""
        match self.kind:
            case "counter":
                name = self.name.removesuffix("_total")
                return self._numbers(
                    CounterMetricFamily(name, self.text, labels=self.labels, unit=self.unit), values
                )
            case "gauge":
                return self._numbers(
                    GaugeMetricFamily(self.name, self.text, labels=self.labels, unit=self.unit),
                    values,
                )
            case "info":
                return self._infos(values)
            case "summary":
                return self._summaries(values)
            case "histogram":
                return self._histograms(values)

    def _numbers(
        self, family: CounterMetricFamily | GaugeMetricFamily, values: object
    ) -> CounterMetricFamily | GaugeMetricFamily:
        for labels, value in self.read(values):
            assert isinstance(value, (int, float))
            family.add_metric(labels, value)
        return family

    def _infos(self, values: object) -> Metric:
        family = InfoMetricFamily(self.name.removesuffix("_info"), self.text)
        for labels, _ in self.read(values):
            family.add_metric((), dict(zip(self.labels, labels, strict=True)))
        return family

    def _summaries(self, values: object) -> Metric:
        family = SummaryMetricFamily(self.name, self.text, labels=self.labels, unit=self.unit)
        for labels, value in self.read(values):
            assert isinstance(value, Summary)
            family.add_metric(labels, count_value=int(value.count), sum_value=value.sum)
        return family

    def _histograms(self, values: object) -> Metric:
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels, unit=self.unit)
        for labels, value in self.read(values):
            assert isinstance(value, Histogram)
            family.add_metric(labels, [(_bound(b), n) for b, n in value.buckets], value.sum)
        return family


def counter(
    name: str, doc: str, *, labels: tuple[str, ...] = (), absent: str = ""
) -> Callable[[Reader], Family]:
    """Declare what only grows; its name ends with ``_total``."""
    return _declared("counter", name, doc, labels, absent)


def gauge(
    name: str, doc: str, *, labels: tuple[str, ...] = (), absent: str = ""
) -> Callable[[Reader], Family]:
    """Declare what rises and falls."""
    return _declared("gauge", name, doc, labels, absent)


def info(
    name: str, doc: str, *, labels: tuple[str, ...], absent: str = ""
) -> Callable[[Reader], Family]:
    """Declare what its labels say; its name ends with ``_info``."""
    return _declared("info", name, doc, labels, absent)


def summary(
    name: str, doc: str, *, labels: tuple[str, ...] = (), absent: str = ""
) -> Callable[[Reader], Family]:
    """Declare a count of observations and their sum: ``_count`` and ``_sum``."""
    return _declared("summary", name, doc, labels, absent)


def histogram(
    name: str, doc: str, *, labels: tuple[str, ...] = (), absent: str = ""
) -> Callable[[Reader], Family]:
    """Declare observations by buckets: ``_bucket``, ``_count`` and ``_sum``."""
    return _declared("histogram", name, doc, labels, absent)


def _declared(
    kind: Kind, name: str, doc: str, labels: tuple[str, ...], absent: str
) -> Callable[[Reader], Family]:
    return lambda read: Family(kind, name, doc, labels, absent, read)


def _bound(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else str(bound)
