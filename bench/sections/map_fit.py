"""The estimate of round-trip times from landmarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """CPU seconds by the part of the samples that is missing."""
    of = f"{results['landmarks']} landmarks, {results['regions']} regions"
    for missing, seconds in results["cpu_seconds"].items():
        yield Figure(f"{of}, {float(missing):.0%} missing: CPU", seconds, "s")
