"""How loaded the regions are, for the state: saturation, shares, alerts.

What is unknown is None, and never zero.
"""

from __future__ import annotations

from typing import Any

from resolverd.load import LoadController
from resolverd.load.weighing import Unevenness
from resolverd.policy.alerts import ALERTS, AlertState, Figures
from resolverd.policy.share import NO_SHARE
from resolverd.policy.ttft import Cost, Flow
from resolverd.snapshot.model import Plan

Json = dict[str, Any]


def region_load(load: LoadController, region: str) -> Json:
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


def service_loads(load: LoadController, plan: Plan) -> dict[str, Json]:
    """What each region of each service bears, sends on and takes; None where it is unknown."""
    saturations, shares = load.saturations(), load.shares()
    unevenness, costs = load.weighing.unevenness(), load.costs()
    return {
        name: {
            region: {
                "saturation": _rounded(saturations.get((name, region))),
                "spill_ratio": round(share.spill_ratio, 6),
                "accept_ratio": round(share.accept_ratio, 6),
                "cost": _cost(costs.get((name, region))),
                "blocks": _blocks(unevenness.get((name, region))),
            }
            for region in service.own
            for share in [shares.get((name, region), NO_SHARE)]
        }
        for name, service in plan.services.items()
    }


def _cost(known: tuple[Cost, Flow | None] | None) -> Json | None:
    """What a region costs its clients; None where cost does not decide."""
    if known is None:
        return None
    cost, flow = known
    return {
        "rtt_seconds": round(cost.rtt / 1000, 6),
        "queue_seconds": None if cost.queue is None else round(cost.queue / 1000, 6),
        "prefill_seconds": None if cost.prefill is None else round(cost.prefill / 1000, 6),
        "max_requests_per_second": None if flow is None else _rounded(flow.max_rate),
    }


def _blocks(unevenness: Unevenness | None) -> Json | None:
    """How unequal the blocks of a region's clients are; None where nothing is known of it."""
    if unevenness is None:
        return None
    return {
        "samples": unevenness.samples,
        "largest_ratio": round(unevenness.largest, 6),
        "heavy": unevenness.heavy,
        "placed": unevenness.placed,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
