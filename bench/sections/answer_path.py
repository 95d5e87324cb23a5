"""Answers without sockets, by kind of query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import number, table

BARRED = "nearest, client subnet"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Nanoseconds of each, the caches warm and not."""
    for state in ("warm", "cold"):
        for case, ns in results[f"nanoseconds_{state}"].items():
            bar = results["bar"] if (state, case) == ("warm", BARRED) else None
            yield Figure(f"{case}, caches {state}", ns, "ns", bar=bar)
    yield Figure(f"tables of {results['names']:,} names", results["plan_octets"], "octets")


def tables(results: Mapping[str, Any]) -> str:
    """A line for each kind of query."""
    warm, cold = results["nanoseconds_warm"], results["nanoseconds_cold"]
    rows = [(case, number(warm[case]), number(cold[case])) for case in warm]
    head = ("query", "ns, caches warm", "ns, of more memory than caches hold")
    return f"{table(head, rows, left=1)}\n{_bar(warm[BARRED], results['bar'])}\n"


def _bar(ns: float, bar: float) -> str:
    met = "met" if ns <= bar else "**missed**"
    return f"The bar, {number(bar)} ns for `{BARRED}` while caches are warm, is {met}."
