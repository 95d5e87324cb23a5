"""Queries of Prometheus, made of declared metrics.

An `Expression` knows which labels its series have and what its values are, so that a legend, a
grouping and a panel's unit can be held against the declarations. Each selector has the dashboard's
variables that its metric has labels for, and `instance`, which Prometheus adds to all. What labels
have to match is a regular expression; one behind ``!`` is what they must not.

Every function raises UndeclaredError where a label does not exist, or a metric is of another kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from resolverd.admin.metrics.family import Family

VARIABLES = ("service", "region")
"""Labels that a dashboard has a variable of; `instance` is one too."""

PER_SECOND, SHARE, SECONDS, BYTES, NUMBER = "per second", "ratio", "seconds", "bytes", ""
"""What a value is; the units of `Family`, and what is counted in a second."""

_OVER = "$__rate_interval"  # four scrapes or more, as Grafana knows them


class UndeclaredError(ValueError):
    """A query speaks of what no metric has."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A query, the families it reads, the labels of what it gives, and what a value is."""

    text: str
    families: tuple[Family, ...]
    labels: frozenset[str]
    unit: str

    def __truediv__(self, other: Expression) -> Expression:
        """The share that it is of `other`, which has the same labels."""
        return self._with(other, "/", SHARE)

    def __sub__(self, other: Expression) -> Expression:
        """What it exceeds `other` by, which has the same labels."""
        return self._with(other, "-", self.unit)

    def _with(self, other: Expression, operator: str, unit: str) -> Expression:
        if self.labels != other.labels:
            raise UndeclaredError(f"{self.text} and {other.text} have not the same labels")
        families = tuple(dict.fromkeys(self.families + other.families))
        return Expression(f"{self.text} {operator} {other.text}", families, self.labels, unit)


def now(family: Family, **where: str) -> Expression:
    """What it is now, of the series whose labels match `where`."""
    if family.kind in ("counter", "summary", "histogram"):
        raise UndeclaredError(f"{family.name} is a {family.kind}: ask for its rate")
    return Expression(
        _selector(family, family.name, where), (family,), frozenset({*family.labels, "instance"}),
        family.unit,
    )  # fmt: skip


def rate(family: Family, **where: str) -> Expression:
    """How much of a counter is added in a second."""
    _wants(family, "counter")
    return Expression(
        f"rate({_selector(family, family.name, where)}[{_OVER}])", (family,),
        frozenset({*family.labels, "instance"}), PER_SECOND,
    )  # fmt: skip


def increase(family: Family, over: str, **where: str) -> Expression:
    """How much of a counter was added in the time `over`, such as ``1h``."""
    _wants(family, "counter")
    return Expression(
        f"increase({_selector(family, family.name, where)}[{over}])", (family,),
        frozenset({*family.labels, "instance"}), NUMBER,
    )  # fmt: skip


def changes(family: Family, over: str) -> Expression:
    """How often a gauge has changed in the time `over`."""
    _wants(family, "gauge")
    return Expression(
        f"changes({_selector(family, family.name, {})}[{over}])", (family,),
        frozenset({*family.labels, "instance"}), NUMBER,
    )  # fmt: skip


def average(family: Family, *by: str) -> Expression:
    """The mean of what a summary observed, by labels."""
    _wants(family, "summary", "histogram")
    parts = [
        f"{_grouped('sum', by)} (rate({_selector(family, f'{family.name}_{part}', {})}[{_OVER}]))"
        for part in ("sum", "count")
    ]
    _labels_exist(family.name, by, frozenset({*family.labels, "instance"}))
    return Expression(" / ".join(parts), (family,), frozenset(by), family.unit)


def quantile(share: float, family: Family, *by: str) -> Expression:
    """The value below which that share of a histogram's observations lies, by labels."""
    _wants(family, "histogram")
    _labels_exist(family.name, by, frozenset({*family.labels, "instance"}))
    buckets = _selector(family, f"{family.name}_bucket", {})
    text = f"histogram_quantile({share}, {_grouped('sum', ('le', *by))} (rate({buckets}[{_OVER}])))"
    return Expression(text, (family,), frozenset(by), family.unit)


def total(inner: Expression, *by: str) -> Expression:
    """The sum, by labels."""
    return _aggregated("sum", inner, by)


def most(inner: Expression, *by: str) -> Expression:
    """The maximum, by labels."""
    return _aggregated("max", inner, by)


def least(inner: Expression, *by: str) -> Expression:
    """The minimum, by labels."""
    return _aggregated("min", inner, by)


def mean(inner: Expression, *by: str) -> Expression:
    """The mean, by labels."""
    return _aggregated("avg", inner, by)


def counted(inner: Expression, *by: str) -> Expression:
    """How many series there are, by labels."""
    return replace(_aggregated("count", inner, by), unit=NUMBER)


def top(number: int, inner: Expression) -> Expression:
    """The series with the largest values."""
    return replace(inner, text=f"topk({number}, {inner.text})")


def but_zero(inner: Expression) -> Expression:
    """Only what is above 0."""
    return replace(inner, text=f"{inner.text} > 0")


def since(inner: Expression) -> Expression:
    """How long ago a time was."""
    return replace(inner, text=f"time() - {inner.text}", unit=SECONDS)


def until(inner: Expression) -> Expression:
    """How long it is until a time."""
    return replace(inner, text=f"{inner.text} - time()", unit=SECONDS)


def part(some: Expression, every: Expression) -> Expression:
    """The share that `some` has of `every`, of the same labels; 0 where there is none of it."""
    share = some / every
    return replace(share, text=f"({some.text} or 0 * {every.text}) / {every.text}")


def scraped(text: str, unit: str, *labels: str) -> Expression:
    """A query of what Prometheus or its client library declares: ``up``, ``process_*``."""
    return Expression(text, (), frozenset(labels), unit)


def _aggregated(operator: str, inner: Expression, by: tuple[str, ...]) -> Expression:
    _labels_exist(inner.text, by, inner.labels)
    text = f"{_grouped(operator, by)} ({inner.text})" if by else f"{operator}({inner.text})"
    return replace(inner, text=text, labels=frozenset(by))


def _grouped(operator: str, by: Iterable[str]) -> str:
    labels = ", ".join(by)
    return f"{operator} by ({labels})" if labels else operator


def _selector(family: Family, name: str, where: dict[str, str]) -> str:
    _labels_exist(family.name, where, frozenset(family.labels))
    matchers = ['instance=~"$instance"']
    matchers += [f'{label}=~"${label}"' for label in VARIABLES if label in family.labels]
    matchers += [
        f'{label}{"!~" if pattern[:1] == "!" else "=~"}"{pattern.removeprefix("!")}"'
        for label, pattern in where.items()
    ]
    return f"{name}{{{', '.join(matchers)}}}"


def _wants(family: Family, *kinds: str) -> None:
    if family.kind not in kinds:
        raise UndeclaredError(f"{family.name} is a {family.kind}, not a {' or a '.join(kinds)}")


def _labels_exist(of: str, wanted: Iterable[str], labels: frozenset[str]) -> None:
    if unknown := set(wanted) - labels:
        raise UndeclaredError(f"{of} has no label {', '.join(sorted(unknown))}")
