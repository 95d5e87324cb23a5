"""Any result with a list ``bars``: rows of ``ratio`` (or ``value``), ``bar``, words that name them.

    {"what": "start", "database": "full", "ratio": 0.81, "bar": 1.0, "met": "yes"}

Ratios are to ``peer``, else gdnsd. ``range`` may be there, or as text ``by chance`` ("0.21–1.34"),
and ``unit`` beside a ``value``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, Range

_OWN = {"ratio", "value", "bar", "met", "range", "by chance", "unit", "peer", "better"}


def figures(document: Mapping[str, Any]) -> Iterator[Figure]:
    """One for each bar."""
    return (figure(row) for row in document["bars"])


def figure(row: Mapping[str, Any], peer: str = "gdnsd") -> Figure:
    """Of one bar, named by all its words."""
    name = ", ".join(_word(key, value) for key, value in row.items() if key not in _OWN)
    ratio = row.get("ratio")
    return Figure(
        name,
        value=row["value"] if "value" in row else row["ratio"],
        unit=row.get("unit", "×"),
        better=row.get("better", "less"),
        beside=None if ratio is None else row.get("peer", peer),
        ratio=ratio,
        range=rounds_of(row),
        bar=row["bar"],
    )


def rounds_of(row: Mapping[str, Any]) -> Range | None:
    """What it is over the rounds, where the bar says so."""
    if row.get("range"):
        least, most = row["range"]
    elif row.get("by chance"):
        least, most = row["by chance"].split("–")
    else:
        return None
    return float(least), float(most)


def _word(key: str, value: object) -> str:
    return f"{value} {key}" if isinstance(value, int | float) else str(value)
