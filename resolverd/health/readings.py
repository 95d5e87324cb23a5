"""What an inference server's own metrics said at one moment: plain values, nothing inferred.

Each reading is None where the server does not tell it: missing is unknown, never zero, and
never a reason to be preferred. Totals only grow, until the process starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Buckets:
    """A cumulative histogram since the process started: observations by upper bound in seconds.

    `counts` has one element for each of `bounds` (ascending, the last infinite).
    """

    bounds: tuple[float, ...]
    counts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """One look at an endpoint; `at` in seconds of the monotonic clock.

    `running` and `waiting` count requests, `kv_usage` is a share from 0 to 1, `tokens` a total
    that grows exactly while the engine makes progress, `started` the process's start in Unix
    seconds, `ttft` times to first token. `responses` are totals by class: ``"2xx"``, ``"5xx"``.
    `shedding` tells that the server turned a request away because it is full.
    `lost` is the share of its capacity that is known to serve nobody, from 0 to 1.
    """

    at: float
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    tokens: float | None = None
    started: float | None = None
    ttft: Buckets | None = None
    responses: Mapping[str, float] = field(default_factory=dict)
    shedding: bool = False
    lost: float = 0.0
