"""Deaths that are answered under more queries than one core can answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside

LITTLE = "little"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Seconds to another answer, to those of a daemon that is asked little: probes take these."""
    rows = {row["asked"]: row for row in results["rows"]}
    calm = rows[LITTLE]["median s"]
    for asked, row in rows.items():
        name = f"a death, asked {asked}"
        if asked == LITTLE:
            yield Figure(name, calm, "s", range=(calm, row["most s"]))
        else:
            ratio = round(row["median s"] / calm, 3)
            yield beside(name, row["median s"], "s", "asked little", ratio)
