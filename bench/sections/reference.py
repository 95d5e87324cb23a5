"""The reference engine beside dnslib's own server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Answers per CPU-second, to dnslib's."""
    theirs, *ours = results["rows"]
    for number, row in enumerate(ours):
        ratio = theirs["cpu_s_per_million"] / row["cpu_s_per_million"]
        yield beside(
            f"{row['server']}: answers per CPU-second",
            1e6 / row["cpu_s_per_million"],
            "",
            theirs["server"].partition(",")[0],
            round(ratio, 3),
            bar=None if number else results["bar"],
            better="more",
        )
