"""What many zones and regions cost, beside the smallest set-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside
from bench.sections.markdown import number, of_figures, strong, table

OURS = "resolverd"
# Of what is compared with the smallest: the column that has it, and its unit.
COLUMNS = {"memory": ("pss_mib", "MiB")}


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Each bar of ours: seconds, or a ratio to the smallest set-up of the same server."""
    rows = {(row["server"], row["size"]): row for row in results["rows"]}
    for bar in results["bars"]:
        server, size = bar["server"], bar["size"]
        if not server.startswith(OURS) or "before" in server:
            continue
        what, divided, base = bar["what"].partition(" ÷ ")
        if not divided:
            name = f"{server}, {size}: {what.removesuffix(', s')}"
            yield Figure(name, bar["ratio"], "s", bar=bar["bar"])
            continue
        column, unit = COLUMNS.get(what, ("", "×"))
        value = rows[server, size][column] if column else bar["ratio"]
        name = f"{server}, {size}: {what}"
        yield beside(name, value, unit, f"the {base}", bar["ratio"], bar=bar["bar"])


def tables(results: Mapping[str, Any]) -> str:
    """What each size took, and the bars."""
    keys = ("first_s", "again_s", "pss_mib", "peak_mib", "to_smallest")
    head = (
        *("server", "size", "first start s", "start s", "PSS MiB", "peak MiB"),
        "answer ÷ smallest",
    )
    rows = [
        (strong(row["server"]), row["size"], *(number(row[key]) for key in keys))
        for row in results["rows"]
    ]
    left_out = "".join(f"\n- {name}: {why}" for name, why in results.get("absent", {}).items())
    text = f"{table(head, rows)}\n{of_figures([*figures(results)])}"
    return f"{text}\nLeft out:\n{left_out}\n" if left_out else text
