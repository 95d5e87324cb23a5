"""Clients whom the embedded table sends to another region than full databases do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import table

# As `bench.map.cities` holds them: by the own source, and above what the two full ones differ by.
MOST_OWN, MOST_MORE = 0.004, 0.003


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Shares of clients; the draws are by seed, so that no machine enters into them."""
    for row in results["means"]:
        name, barred = f"{row['family']}, {row['regions']}", row["family"] == "IPv4"
        own, bar = round(row["own"], 5), MOST_OWN if barred else None
        yield Figure(f"{name}: other than by its source", own, "share", bar=bar, steady=True)
        both, makers = row["table_other"], row["full_other"]
        yield Figure(
            f"{name}: other than by another maker",
            both,
            "share",
            beside="the two full ones",
            ratio=round(both / makers, 4),
            bar=round((makers + MOST_MORE) / makers, 4) if barred else None,
            steady=True,
        )


def tables(results: Mapping[str, Any]) -> str:
    """A line for each set of regions, of IPv4."""
    head = ("regions", "of its own source", "worst draw", "of another maker", "the two full ones")
    rows = [
        (
            row["regions"],
            *(f"{row[key]:.2%}" for key in ("own", "worst_own", "table_other", "full_other")),
        )
        for row in results["means"]
        if row["family"] == "IPv4"
    ]
    return table(head, rows, left=1)
