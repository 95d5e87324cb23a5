"""Metrics of zones, and of what else is served in an older state than its files."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.admin.state import serial_of
from resolverd.dns.names import to_text


def zone_metrics(served: Served) -> Iterator[Metric]:
    """The serial of each zone, and which zones and other parts are outdated."""
    serials = GaugeMetricFamily(
        "resolverd_zone_serial", "Serial of the zone as it is served.", labels=("zone",)
    )
    for zone in served.snapshot.plan.zones.values():
        serials.add_metric((to_text(zone.apex).removesuffix(".") or ".",), serial_of(zone))
    yield serials
    zones = GaugeMetricFamily(
        "resolverd_zone_outdated",
        "1 for each zone whose file was refused or is held; it is served as before, or not yet.",
        labels=("zone", "state"),
    )
    parts = GaugeMetricFamily(
        "resolverd_part_outdated",
        "1 where the configuration, the databases or a file without a zone was refused or is held.",
        labels=("part", "state"),
    )
    for each in served.reloads.outdated:
        state = "held" if each.held else "refused"
        if each.zone:
            zones.add_metric((each.zone, state), 1)
        else:
            parts.add_metric((each.part, state), 1)
    yield zones
    yield parts
