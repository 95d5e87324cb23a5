"""Answers without sockets, by kind of query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import number, table

BARRED = "nearest, client subnet"
_STATES = {"warm": "caches warm", "cold": "caches cold", "batched": "caches cold, in batches"}


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Nanoseconds of each, the caches warm and not."""
    for state, words in _STATES.items():
        for case, ns in results.get(f"nanoseconds_{state}", {}).items():
            bar = results["bar"] if (state, case) == ("warm", BARRED) else None
            yield Figure(f"{case}, {words}", ns, "ns", bar=bar)
    yield Figure(f"tables of {results['names']:,} names", results["plan_octets"], "octets")


def tables(results: Mapping[str, Any]) -> str:
    """A line for each kind of query."""
    heads = {
        "warm": "ns, caches warm",
        "cold": "ns, of more memory than caches hold",
        "batched": f"the same in batches of {results.get('batch')}",
    }
    told = {state: times for state in heads if (times := results.get(f"nanoseconds_{state}"))}
    warm = told["warm"]
    rows = [(case, *(number(times[case]) for times in told.values())) for case in warm]
    head = ("query", *(heads[state] for state in told))
    return f"{table(head, rows, left=1)}\n{_bar(warm[BARRED], results['bar'])}\n"


def _bar(ns: float, bar: float) -> str:
    met = "met" if ns <= bar else "**missed**"
    return f"The bar, {number(bar)} ns for `{BARRED}` while caches are warm, is {met}."
