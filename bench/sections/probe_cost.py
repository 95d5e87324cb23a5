"""The prober alone, against many endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Cores, CPU of a probe, and how soon the first round was through."""
    of = f"{results['endpoints']:,} `{results['kind']}` endpoints at {results['interval']:g} s"
    yield Figure(f"{of}: the prober's CPU", results["cpu_per_second"], "core", bar=results["bar"])
    yield Figure(f"{of}: CPU of a probe", results["cpu_microseconds_per_probe"], "µs")
    yield Figure(f"{of}: first round", results["first_round_seconds"], "s")
    yield Figure(f"{of}: probes that failed", results["failures"], "")
