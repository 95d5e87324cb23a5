"""The bars of probing: what a world of endpoints may cost, and how late a verdict may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.health.scale_world import World

Figures = dict[str, float]


class Bar(NamedTuple):
    """A world, and the most that each of some figures may be there.

    `share` of the deaths that are asked for is what the world has: a slow kind takes long to die.
    """

    endpoints: int
    kind: str
    interval: float
    most: dict[str, float]
    share: float = 1.0

    def world(self, deaths: int) -> World:
        """The world in which it is measured."""
        return World(self.endpoints, self.kind, self.interval, int(deaths * self.share))


_NONE = {"healthy_failed": 0, "early": 0, "unseen": 0}
BARS = {
    "http": Bar(1000, "http", 1.0, {"cores": 0.08, "delay_ms_p99": 50.0, **_NONE}),
    "vllm": Bar(1000, "vllm", 5.0, {"cores": 0.05, **_NONE}, share=0.1),
    "many": Bar(5000, "http", 1.0, {"delay_ms_p99": 50.0, **_NONE}),
}
"""By name."""


def held(bar: Bar, figures: Figures) -> bool:
    """Say of each part whether it is met; whether all are."""
    rows = [*_judged(bar, figures)]
    for name, value, most, met in rows:
        print(f"  bar: {name} {value:.3g} of at most {most:g}: {'met' if met else 'NOT MET'}")
    return all(met for *_, met in rows)


def _judged(bar: Bar, figures: Figures) -> Iterator[tuple[str, float, float, bool]]:
    for name, most in bar.most.items():
        value = figures.get(name, float("nan"))
        yield name, value, most, value <= most
