"""How loaded the regions are, for metrics and for the state: saturation, shares, alerts.

What is unknown is missing from the metrics, and None in the state: never zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.load import Load
from resolverd.policy.alerts import ALERTS, AlertState, Figures
from resolverd.policy.share import NO_SHARE
from resolverd.snapshot.model import Plan

Json = dict[str, Any]


def load_metrics(load: Load, plan: Plan) -> Iterator[Metric]:
    """Saturation and shares by service and region; alerts and their figures by region."""
    yield from _spill(load, plan)
    alerts = GaugeMetricFamily(
        "resolverd_alert",
        "1 while the alert fires, 0 while all is well; absent while nothing is known.",
        labels=("region", "alert"),
    )
    for region, states in load.alerting.states.items():
        for alert, state in states.items():
            if state.firing is not None:
                alerts.add_metric((region, alert), float(state.firing))
    yield alerts
    yield from _figures(load.alerting.figures)


def region_load(load: Load, region: str) -> Json:
    """What is known of a region's outcomes, whatever its services."""
    figures = load.alerting.figures.get(region, Figures())
    states = load.alerting.states.get(region, {})
    return {
        "outcomes": {
            "ttft_p50_seconds": _rounded(figures.ttft_p50),
            "ttft_p99_seconds": _rounded(figures.ttft_p99),
            "success_ratio": _rounded(figures.success_rate),
            "gpu_utilization_ratio": _rounded(figures.gpu),
            "failover_ratio": _rounded(figures.failover_rate),
        },
        "alerts": {alert: states.get(alert, AlertState()).firing for alert in ALERTS},
    }


def service_loads(load: Load, plan: Plan) -> dict[str, Json]:
    """What each region of each service bears, sends on and takes; None where it is unknown."""
    saturations, shares = load.saturations(), load.shares()
    return {
        name: {
            region: {
                "saturation": _rounded(saturations.get((name, region))),
                "spill_ratio": round(share.spilled, 6),
                "accept_ratio": round(share.takes, 6),
            }
            for region in service.regions
            for share in [shares.get((name, region), NO_SHARE)]
        }
        for name, service in plan.services.items()
    }


def _spill(load: Load, plan: Plan) -> Iterator[Metric]:
    labels = ("service", "region")
    saturation = GaugeMetricFamily(
        "resolverd_region_saturation",
        "How full the region is by its service's yardstick; 1 is just full. Absent if unknown.",
        labels=labels,
    )
    for key, value in load.saturations().items():
        saturation.add_metric(key, value)
    spilled = GaugeMetricFamily(
        "resolverd_spill_share", "Share of its clients that the region sends on.", labels=labels
    )
    takes = GaugeMetricFamily(
        "resolverd_spill_takes",
        "Share of others' clients up to which the region takes those that they send on.",
        labels=labels,
    )
    episodes = CounterMetricFamily(
        "resolverd_spill_episodes", "How often the region began to send clients on.", labels=labels
    )
    shares = load.shares()
    for name, service in plan.services.items():
        for region in service.regions:
            share = shares.get((name, region), NO_SHARE)
            spilled.add_metric((name, region), share.spilled)
            takes.add_metric((name, region), share.takes)
            episodes.add_metric((name, region), load.spilling.episodes[(name, region)])
    yield from (saturation, spilled, takes, episodes)


def _figures(figures: dict[str, Figures]) -> Iterator[Metric]:
    ttft = GaugeMetricFamily(
        "resolverd_region_ttft_seconds",
        "Time to first token in the region, over the window of its alerts.",
        labels=("region", "quantile"),
    )
    success = GaugeMetricFamily(
        "resolverd_region_success_ratio",
        "Share of the region's requests that were not answered 5xx, over the window.",
        labels=("region",),
    )
    gpu = GaugeMetricFamily(
        "resolverd_region_gpu_utilization_ratio",
        "Mean utilisation of the region's GPUs.",
        labels=("region",),
    )
    failover = GaugeMetricFamily(
        "resolverd_region_failover_ratio",
        "Share of answers of its services that were neither the client's first choice nor sent on "
        "by it, while the region does not serve; else 0.",
        labels=("region",),
    )
    for region, told in figures.items():
        for family, labels, value in (
            (ttft, (region, "0.5"), told.ttft_p50),
            (ttft, (region, "0.99"), told.ttft_p99),
            (success, (region,), told.success_rate),
            (gpu, (region,), told.gpu),
            (failover, (region,), told.failover_rate),
        ):
            if value is not None:
                family.add_metric(labels, value)
    yield from (ttft, success, gpu, failover)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
