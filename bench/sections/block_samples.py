"""Answers whose client's block is sampled, to those where none is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside

NONE = "0"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """One for each share of queries that is kept; the bar is for the least of them."""
    kept = [int(number) for number in results["to_none"]]
    for number in kept:
        ns, ratio = results["nanoseconds"][str(number)], results["to_none"][str(number)]
        bar = results["bar"] if number == max(kept) else None
        yield beside(f"one query of {number:,} kept", ns, "ns", "none kept", ratio, bar=bar)
