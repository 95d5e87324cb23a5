"""Whether what a region's clients get is bad, and has been so for long enough to say so.

An alert that knows nothing is in neither state: it does not fire, and it is not well. One that
has just come to know something is well until what is bad has been so for as long as it takes.
Pure: figures, thresholds and a clock reading in, states out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

AlertName = Literal["ttft_p50", "ttft_p99", "success_rate", "gpu_high", "gpu_low", "failover_rate"]
ALERTS: tuple[AlertName, ...] = get_args(AlertName)


class Figures(NamedTuple):
    """What is known of a region over a window: seconds, and shares from 0 to 1; None is unknown."""

    ttft_p50: float | None = None
    ttft_p99: float | None = None
    success_rate: float | None = None
    gpu: float | None = None
    failover_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What each figure is bad beyond; seconds, and shares from 0 to 1."""

    ttft_p50: float = 0.2
    ttft_p99: float = 1.0
    success_rate: float = 0.995
    gpu_high: float = 0.9
    gpu_low: float = 0.3
    failover_rate: float = 0.05
    sustained: float = 30.0
    gpu_sustained: float = 300.0

    def sustain(self, alert: AlertName) -> float:
        """Seconds for which a condition must hold before the alert follows it."""
        return self.gpu_sustained if alert.startswith("gpu") else self.sustained


class AlertState(NamedTuple):
    """`firing` is None while nothing is known; `since` is when the opposite began to hold."""

    firing: bool | None = None
    since: float | None = None


def conditions(figures: Figures, limits: Thresholds) -> dict[AlertName, bool | None]:
    """Whether each figure is bad now; None where it is unknown."""
    return {
        "ttft_p50": _above(figures.ttft_p50, limits.ttft_p50),
        "ttft_p99": _above(figures.ttft_p99, limits.ttft_p99),
        "success_rate": _below(figures.success_rate, limits.success_rate),
        "gpu_high": _above(figures.gpu, limits.gpu_high),
        "gpu_low": _below(figures.gpu, limits.gpu_low),
        "failover_rate": _above(figures.failover_rate, limits.failover_rate),
    }


def follow(
    before: Mapping[AlertName, AlertState], figures: Figures, limits: Thresholds, now: float
) -> dict[AlertName, AlertState]:
    """Every alert's state after what is known at `now`."""
    return {
        alert: _after(before.get(alert, AlertState()), bad, limits.sustain(alert), now)
        for alert, bad in conditions(figures, limits).items()
    }


def _after(before: AlertState, bad: bool | None, sustained: float, now: float) -> AlertState:
    if bad is None:
        return AlertState()
    firing = bool(before.firing)
    if bad is firing:
        return AlertState(firing)
    since = now if before.since is None else before.since
    return AlertState(bad) if now - since >= sustained else AlertState(firing, since)


def _above(value: float | None, limit: float) -> bool | None:
    return None if value is None else value > limit


def _below(value: float | None, limit: float) -> bool | None:
    return None if value is None else value < limit
