"""Canaries of edges that share them, beside those of one that is alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import table


def figures(document: Mapping[str, Any]) -> Iterator[Figure]:
    """What so many edges cost in canaries of one edge, by kind of probe."""
    bar = document["settings"]["bar"]
    for row in document["rows"]:
        if row["edges"] > 1:
            name = f"kind {row['kind']}, {row['edges']} edges: canaries"
            yield Figure(name, row["canaries"], "", beside="one edge", ratio=row["ratio"], bar=bar)


def tables(document: Mapping[str, Any]) -> str:
    """A line for each kind and number of edges."""
    head = ("kind", "edges", "canaries", "of one edge's")
    rows = [
        (f"`{row['kind']}`", str(row["edges"]), str(row["canaries"]), f"{row['ratio']:.2f} ×")
        for row in document["rows"]
    ]
    settings = document["settings"]
    line = (
        f"An idle endpoint that is to be asked each {settings['interval']:g} s, for "
        f"{settings['seconds']:g} s. Bar: {settings['bar']:g} × of one edge's."
    )
    return f"{table(head, rows, left=1)}\n{line}\n"
