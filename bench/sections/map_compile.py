"""A city database from its file to a client map, and look-ups in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """Times, and octets, of which those of the map depend on the database alone."""
    of = f"{results['networks'] / 1e6:.1f} million networks, {results['regions']} regions"
    whole = (results["file_to_map_seconds"], results["file_to_map_seconds_worst"])
    yield Figure(f"from file to map, {of}", whole[0], "s", range=whole)
    yield Figure("of it: open and check", results["open_and_check_seconds"], "s")
    yield Figure("of it: compile", results["compile_seconds"], "s")
    yield Figure("the map", results["map_bytes"], "octets", steady=True)
    yield Figure("peak of the process's memory", results["resident_peak_bytes"], "octets")
    for family, name in (("v4", "a /24"), ("v6", "a /56")):
        yield Figure(f"look-up of {name} at random", results[f"lookup_{family}_ns"], "ns")
