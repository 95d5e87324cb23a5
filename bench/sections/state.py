"""What `/state` costs the event loop, and the verb as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Milliseconds by regions, and seconds of the verb by its output."""
    endpoints = results["endpoints_per_region"]
    for regions, seconds in results["build_seconds"].items():
        name = f"`/state` of {regions} regions, {endpoints} endpoints each"
        yield Figure(name, 1e3 * seconds, "ms")
    for output, seconds in results["verb_seconds"].items():
        name = f"`resolverd state`, {results['verb_regions']:,} regions, {output}"
        yield Figure(name, seconds, "s")
