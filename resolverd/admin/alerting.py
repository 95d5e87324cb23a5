"""Metrics for alert rules: whether each service has its regions, overrides' age, what is served.

`prometheus/resolverd.rules.yml` is written on them. Services and regions have the names of the
configuration here, so that these join with the metrics of answers and of load.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.dns.names import to_text
from resolverd.files.reading import MAX_CONFIG, Reads
from resolverd.health.overrides import Overrides
from resolverd.snapshot.model import JudgedRegion, Plan


def alerting_metrics(served: Served, judged: Sequence[JudgedRegion]) -> Iterator[Metric]:
    """Regions by service, overrides, serials of zones, and a hash of the configuration."""
    yield from _service_regions(judged)
    yield from _overrides(served.overrides, time.monotonic(), time.time())
    yield _serials(served.snapshot.plan)
    yield InfoMetricFamily(
        "resolverd_config",
        "The configuration served, by the hash of its files.",
        value={"sha256": config_hash(served.inputs.reads)},
    )


def withdrawn(region: JudgedRegion) -> bool:
    """Whether a region does not serve by overrides or its hours alone, not by what is measured."""
    if region.verdict.serves:
        return False
    if region.verdict.override is not None:
        return True
    away = [verdict for verdict in region.endpoints.values() if not verdict.serves]
    return bool(away) and all(verdict.override is not None for verdict in away)


def config_hash(reads: Reads) -> str:
    """SHA-256, in hexadecimal, over those of the TOML files, in the order of their paths."""
    files = sorted(path for path, limit in reads.limits.items() if limit == MAX_CONFIG)
    contents = "\n".join(reads.seen[path].content for path in files)
    return hashlib.sha256(contents.encode()).hexdigest()


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


def _serials(plan: Plan) -> Metric:
    serials = GaugeMetricFamily(
        "resolverd_zone_serial", "Serial of the zone served, from its SOA.", labels=("zone",)
    )
    for zone in plan.zones.values():
        serials.add_metric((to_text(zone.apex).removesuffix(".") or ".",), zone.serial)
    return serials
