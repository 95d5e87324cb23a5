"""Edits of one large zone, from the save or the request to the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import number, strong, table

PEER = "gdnsd"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Seconds of ours for each kind of edit, to gdnsd's of the same kind; the bar is in seconds."""
    rows = {(row["kind"], row["server"]): row for row in results["rows"]}
    for (kind, server), row in rows.items():
        if server == PEER:
            continue
        name = f"{kind}, {server}"
        yield Figure(f"{name}: on the wire", row["s"], "s", bar=row["bar_s"])
        peer = rows.get((kind, PEER))
        if peer and peer["cpu_s"]:
            ratio = round(row["cpu_s"] / peer["cpu_s"], 3)
            yield Figure(f"{name}: CPU", row["cpu_s"], "s", beside=PEER, ratio=ratio)


def tables(results: Mapping[str, Any]) -> str:
    """A line for each kind of edit and server."""
    head = ("edit", "server", "on the wire s", "CPU s", "loop held ms at most", "bar s", "met")
    rows = [
        (
            row["kind"],
            strong(row["server"]),
            f"{row['s']:.3f}",
            f"{row['cpu_s']:.3f}",
            number(row["lag_ms"]) if row["lag_ms"] else "–",
            "–" if row["bar_s"] is None else f"{row['bar_s']:g}",
            {"yes": "yes", "no": "**no**"}.get(row["met"], "–"),
        )
        for row in results["rows"]
    ]
    return f"A zone of {results['names']:,} names.\n\n{table(head, rows)}"
