"""Metrics for alert rules: regions by service, overrides' age and end, the configuration.

`prometheus/resolverd.rules.yml` is written on them. Services and regions have the names of the
configuration here, so that these join with the metrics of answers and of load.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.health.overrides import Overrides
from resolverd.snapshot.model import JudgedRegion


def alerting_metrics(served: Served, judged: Sequence[JudgedRegion]) -> Iterator[Metric]:
    """Regions by service, overrides, and a hash of the configuration."""
    yield from _service_regions(judged)
    yield from _overrides(served.overrides, time.monotonic(), time.time())
    yield InfoMetricFamily(
        "resolverd_config",
        "The configuration served, by the hash of what its files and --set say.",
        value={"sha256": config_hash(served.inputs.loaded.sources.tree)},
    )


def withdrawn(region: JudgedRegion) -> bool:
    """Whether a region does not serve by overrides or its hours alone, not by what is measured."""
    if region.verdict.serves:
        return False
    if region.verdict.override is not None:
        return True
    away = [verdict for verdict in region.endpoints.values() if not verdict.serves]
    return bool(away) and all(verdict.override is not None for verdict in away)


def config_hash(tree: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of what the TOML files and --set say, comments and order aside."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True, default=str).encode()).hexdigest()


def _service_regions(judged: Sequence[JudgedRegion]) -> Iterator[Metric]:
    labels = ("service", "region")
    serving = GaugeMetricFamily(
        "resolverd_service_region_serving",
        "1 while the region serves the service, else 0.",
        labels=labels,
    )
    away = GaugeMetricFamily(
        "resolverd_service_region_withdrawn",
        "1 while the region does not serve by overrides or its hours alone, else 0.",
        labels=labels,
    )
    for region in judged:
        for service in region.services:
            serving.add_metric((service, region.region), float(region.verdict.serves))
            away.add_metric((service, region.region), float(withdrawn(region)))
    yield from (serving, away)


def _overrides(overrides: Overrides, now: float, unix: float) -> Iterator[Metric]:
    labels = ("target", "kind")
    set_at = GaugeMetricFamily(
        "resolverd_override_set_timestamp_seconds",
        "When each override in force was set.",
        labels=labels,
    )
    remaining = GaugeMetricFamily(
        "resolverd_override_remaining_seconds",
        "How long until each override in force ends by itself; +Inf where it does not.",
        labels=labels,
    )
    for target, override in overrides.active(now).items():
        key = (target, override.kind.value)
        set_at.add_metric(key, round(unix - (now - override.set_at)))
        remaining.add_metric(key, override.remaining(now))
    yield from (set_at, remaining)
