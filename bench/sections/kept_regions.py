"""Answers where blocks keep their regions, to those of a service that is not sticky."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside

BASE = "not sticky"


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """An answer with caches warm and not, and a tick, by what was before."""
    for state in ("warm", "cold"):
        of_state = results[f"nanoseconds_{state}"]
        for name, ratio in results[f"to_not_sticky_{state}"].items():
            yield beside(f"{name}, caches {state}", of_state[name], "ns", BASE, ratio)
    ticks = {name: _seconds(tick) for name, tick in results["ticks"].items()}
    for name, seconds in ticks.items():
        if name != BASE:
            ratio = round(seconds / ticks[BASE], 3)
            yield beside(f"{name}, CPU of a Steering", 1e3 * seconds, "ms", BASE, ratio)


def _seconds(tick: Mapping[str, float]) -> float:
    return sum(tick[part] for part in ("steer_s", "image_s", "load_s"))
