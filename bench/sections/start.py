"""First right answers and memory, beside gdnsd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside
from bench.sections.markdown import of_figures, strong, table

PEER, STEADY = "gdnsd", "its steady state"
# Of a bar: the column that it compares, and its unit.
COLUMNS = {
    "first start": ("first_wall_s", "s"),
    "start": ("wall_s", "s"),
    "memory": ("pss_mib", "MiB"),
}


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Each bar; and what a start takes at most, to what it leaves."""
    rows = {(row["server"], row["database"]): row for row in results["rows"]}
    for bar in results["bars"]:
        server, database, what = bar["server"], bar["database"], bar["what"]
        value, unit = bar["ratio"], "×"
        if what in COLUMNS and (server, database) in rows:
            column, unit = COLUMNS[what]
            value = rows[server, database][column]
        peer = bar.get("peer", PEER)
        name = f"{what}, {database} database, {server}"
        yield beside(name, value, unit, peer, bar["ratio"], bar=bar["bar"])
    for row in results.get("peaks", ()):
        name = f"peak of memory, {row['event']}, {row['database']} database, {row['server']}"
        yield beside(name, row["peak_mib"], "MiB", STEADY, row["ratio"], bar=row["bar"])
    if "peaks" in results:
        return
    for (server, database), row in rows.items():
        if server != PEER and "before" not in server:
            name = f"peak of memory, {database} database, {server}"
            yield beside(name, row["peak_mib"], "MiB", STEADY, row["peak_to_steady"])


def tables(results: Mapping[str, Any]) -> str:
    """What each server took, and the bars."""
    head = ("server", "database", "first start s", "start s", "PSS MiB", "peak resident MiB")
    rows = [
        (
            strong(row["server"]),
            row["database"],
            f"{row['first_wall_s']:.2f}",
            f"{row['wall_s']:.2f}",
            f"{row['pss_mib']:.0f}",
            f"{row['peak_mib']:.0f}",
        )
        for row in results["rows"]
    ]
    return f"{table(head, rows)}\n{of_figures([*figures(results)])}"
