"""The way to each endpoint, for metrics and for the state: handshakes, certificates, families.

What is unknown is missing from the metrics, and None in the state: never zero.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.health.connection import Connection
from resolverd.health.family import Family, FamilyResult
from resolverd.health.verdict import Verdict
from resolverd.snapshot.model import JudgedRegion

Json = dict[str, Any]
_LABELS = ("region", "endpoint")


def connection_metrics(served: Served, judged: Sequence[JudgedRegion]) -> Iterator[Metric]:
    """Handshakes, certificates and families, by endpoint."""
    connect = GaugeMetricFamily(
        "resolverd_endpoint_connect_seconds",
        "How long the last TCP handshake took.",
        labels=_LABELS,
    )
    expiry = GaugeMetricFamily(
        "resolverd_endpoint_certificate_expiry_timestamp_seconds",
        "When the last certificate that the endpoint has shown ends.",
        labels=_LABELS,
    )
    families = GaugeMetricFamily(
        "resolverd_endpoint_family_up",
        "1 where the last probe reached the endpoint over the family, 0 where it did not; of "
        "endpoints that are asked over both.",
        labels=(*_LABELS, "family"),
    )
    withheld = GaugeMetricFamily(
        "resolverd_endpoint_family_withheld",
        "1 while the endpoint's addresses of the family are not handed out.",
        labels=(*_LABELS, "family"),
    )
    connections, results = served.monitor.connections(), served.monitor.families()
    for region in judged:
        for id_, verdict in region.endpoints.items():
            known, labels = connections.get(id_, Connection()), (region.region, id_)
            if known.connect is not None:
                connect.add_metric(labels, known.connect)
            if known.certificate_expires is not None:
                expiry.add_metric(labels, known.certificate_expires)
            for family, result in results.get(id_, {}).items():
                families.add_metric((*labels, family.value), float(result.ok))
                withheld.add_metric((*labels, family.value), float(family in verdict.withheld))
    yield from (connect, expiry, families, withheld)


def endpoint_connection(
    known: Connection,
    results: Mapping[Family, FamilyResult],
    verdict: Verdict,
    certificate_days: float,
) -> Json:
    """One endpoint's; `families` is None where `results` are empty: it is asked over one alone."""
    return {
        "connect_seconds": None if known.connect is None else round(known.connect, 6),
        "certificate": _certificate(known, certificate_days),
        "families": {
            family.value: {
                "ok": result.ok,
                "reason": result.reason,
                "withheld": family in verdict.withheld,
            }
            for family, result in results.items()
        }
        or None,
    }


def _certificate(known: Connection, certificate_days: float) -> Json | None:
    days = known.days_left(time.time())
    if known.certificate_expires is None or days is None:
        return None
    expires = datetime.fromtimestamp(known.certificate_expires, UTC)
    return {
        "expires": expires.isoformat(timespec="seconds"),
        "days_left": round(days, 2),
        "ends_soon": days < certificate_days,
    }
