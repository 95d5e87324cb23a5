"""`[alerts]`: from when on a region's outcomes are bad; a region may override any part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from resolverd.config.layers import merge, overriding
from resolverd.config.options import Section, contradiction, option
from resolverd.config.types import Duration

Degrading = Literal["ttft_p50", "ttft_p99", "success_rate", "gpu_high", "gpu_low", "failover_rate"]


class Alerts(Section):
    """`[alerts]`: thresholds on what a region's clients get, as alert states.

    Each alert fires, or clears, once its condition has held for as long as `sustained` says;
    where nothing is known it is in neither state.
    """

    ttft_p50: Duration = option(
        0.2, "Median time to first token.", unit="seconds", minimum=0.001, maximum=3600
    )
    ttft_p99: Duration = option(
        1.0,
        "99th percentile of the time to first token.",
        unit="seconds",
        minimum=0.001,
        maximum=3600,
    )
    success_rate: float = option(
        0.995, "Share of requests that are not answered 5xx, at least.", minimum=0, maximum=1
    )
    gpu_high: float = option(
        0.9, "GPU utilisation above which GPUs are short.", minimum=0, maximum=1
    )
    gpu_low: float = option(0.3, "GPU utilisation below which GPUs are idle.", minimum=0, maximum=1)
    failover_rate: float = option(
        0.05,
        "Share of answers that are not the client's first choice, nor sent on.",
        minimum=0,
        maximum=1,
    )
    window: Duration = option(
        60.0,
        "Time over which requests and answers are counted; a longer one smooths, and alerts later.",
        unit="seconds",
        minimum=5,
        maximum=3600,
    )
    requests: int = option(
        20,
        "A window with fewer requests, or answers, is not judged. Fewer make alerts of chance.",
        unit="requests",
        minimum=1,
        maximum=1_000_000,
    )
    sustained: Duration = option(
        30.0, "How long a condition must hold.", unit="seconds", minimum=0, maximum=86400
    )
    gpu_sustained: Duration = option(
        300.0,
        "How long one on GPU utilisation must hold.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )
    degrade: tuple[Degrading, ...] = option(
        (),
        "Alerts that, while they fire, make a region send clients on as if it were full.",
    )

    @model_validator(mode="after")
    def _idle_is_below_short(self) -> Alerts:
        if self.gpu_low >= self.gpu_high:
            raise contradiction(
                f"gpu_low ({self.gpu_low:g}) is not below gpu_high ({self.gpu_high:g})",
                f"write gpu_low = {self.gpu_high / 2:g}"
                if self.gpu_high
                else "write gpu_high = 0.9 and gpu_low = 0.3",
                *("gpu_low", "gpu_high"),
            )
        return self


if TYPE_CHECKING:
    AlertsOverride = Alerts
else:
    AlertsOverride = overriding("AlertsOverride", Alerts)


def merge_alerts(*layers: AlertsOverride | Alerts) -> Alerts:
    """The complete thresholds after each layer, broadest first, has overridden what it sets.

    Raises pydantic's ValidationError when the layers contradict one another.
    """
    return merge(Alerts, layers)
