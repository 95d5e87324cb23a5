"""`[service.NAME.spill]`: when a full region sends a share of its clients on, and how fast."""

from __future__ import annotations

from pydantic import model_validator

from resolverd.config.options import Section, contradiction, option
from resolverd.config.types import Duration


class Spill(Section):
    """`[service.NAME.spill]`: relief for regions that are full.

    A saturation of 1 is just full. It is known only of endpoints whose probe reads an inference
    server's metrics; where it is unknown, nothing is moved.
    """

    enabled: bool = option(True, "Whether a full region sends a share of its clients on.")
    start: float = option(
        1.0, "Saturation from which a region sends clients on.", minimum=0.01, maximum=100
    )
    end: float = option(
        0.7,
        "Saturation below which it takes them back, and below which a region is given others'.",
        minimum=0.01,
        maximum=100,
    )
    step: float = option(
        0.1, "Share of a region's clients that is moved at a time.", minimum=0.01, maximum=1
    )
    max_ratio: float = option(
        0.5, "Share of a region's clients that is ever sent on.", minimum=0.01, maximum=1
    )
    dwell: Duration = option(
        60.0,
        "Time from one step to the next; never less than the service's `ttl` and `sticky` "
        "together, so that a step has been felt before the next is decided.",
        unit="seconds",
        minimum=0.1,
        maximum=86400,
    )
    queue_target: float = option(
        5.0,
        "Waiting requests at which a replica is just full.",
        unit="requests",
        minimum=0.1,
        maximum=1_000_000,
    )
    kv_target: float = option(
        0.8,
        "Share of the KV cache in use at which a replica is just full.",
        minimum=0.01,
        maximum=1,
    )
    smoothing: float = option(
        0.3,
        "Weight of each new reading in the mean that is acted upon; 1 smooths nothing.",
        minimum=0.01,
        maximum=1,
    )
    slow_start: Duration = option(
        0.0,
        "Time in which a region that comes back with new processes gets its clients back, by "
        "steps; 0 gives them back at once.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Spill:
        if self.end >= self.start:
            raise contradiction(
                f"end ({self.end:g}) is not below start ({self.start:g})",
                f"write end = {0.7 * self.start:g}"
                if self.start > 0.02
                else "write start = 1 and end = 0.7",
                *("end", "start"),
            )
        return self
