"""What a step of a tenth moves: by draws alone, and by weighed blocks. Seeds decide all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import table

STEP = 0.1


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """How far from a tenth the worst weighed step is."""
    for row in results["settings"]:
        weighed = row["weighed"]
        off = max(abs(weighed["min"] - STEP), abs(weighed["max"] - STEP))
        name = f"{_name(row)}: off a tenth"
        yield Figure(name, round(off, 4), "share", bar=results["bar"], steady=True)


def tables(results: Mapping[str, Any]) -> str:
    """A line for each setting."""
    head = ("blocks", "Zipf", "queries/s", "minutes known", "by draws alone", "weighed")
    rows = [
        (
            f"{row['blocks']:,}",
            f"{row['exponent']:g}",
            f"{row['queries']:,}",
            str(row["minutes"]),
            *(_range(row[how]) for how in ("by_draws", "weighed")),
        )
        for row in results["settings"]
    ]
    return table(head, rows, left=0)


def _name(row: Mapping[str, Any]) -> str:
    return (
        f"{row['blocks']:,} blocks, Zipf {row['exponent']:g}, {row['queries']:,} queries/s, "
        f"{row['minutes']} min known"
    )


def _range(spread: Mapping[str, float]) -> str:
    return f"{spread['min']:.1%} to {spread['max']:.1%}"
