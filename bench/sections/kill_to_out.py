"""From the kill of an endpoint's process to the first answer without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import table

DEATHS = {"refused": "SIGKILL: the port refuses", "hanging": "SIGSTOP: it accepts and hangs"}


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """The median, which the schedule decides for the most part, and the longest, with its bar."""
    for death, row in results["seconds"].items():
        rounds = (row["min"], row["max"])
        yield Figure(f"{death}: median", row["median"], "s", range=rounds)
        yield Figure(f"{death}: longest", row["max"], "s", bar=row["bound"])


def tables(results: Mapping[str, Any]) -> str:
    """A line for each death."""
    settings = results["settings"]
    head = ("death", "kills", "least s", "median s", "p95 s", "longest s", "bound s", "held")
    rows = [
        (
            DEATHS.get(death, death),
            str(row["kills"]),
            *(f"{row[key]:.3f}" for key in ("min", "median", "p95", "max", "bound")),
            "yes" if row["held"] else "**no**",
        )
        for death, row in results["seconds"].items()
    ]
    line = (
        f"Probes every {settings['interval']:g} s, `timeout` {settings['timeout']:g} s, "
        f"`fall` {settings['fall']}."
    )
    return f"{table(head, rows, left=1)}\n{line}\n"
