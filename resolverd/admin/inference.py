"""What probes of kind vllm know beyond a verdict, for metrics and for the state.

What is unknown is missing from the metrics, and None in the state: never zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.health.identity import Identity
from resolverd.health.offers import Offers
from resolverd.health.outcome import Canaries, Condition
from resolverd.health.peers import odd_ones
from resolverd.health.readings import Readings
from resolverd.snapshot.model import JudgedRegion

Json = dict[str, Any]
_LABELS = ("region", "endpoint")


def inference_metrics(served: Served, judged: Sequence[JudgedRegion]) -> Iterator[Metric]:
    """Conditions, canaries and identities, by endpoint."""
    conditions = GaugeMetricFamily(
        "resolverd_endpoint_condition",
        "1 for the condition that the endpoint's last probe saw it in, if any.",
        labels=(*_LABELS, "condition"),
    )
    for region in judged:
        for id_, verdict in region.endpoints.items():
            if verdict.condition is not Condition.NONE:
                conditions.add_metric((region.region, id_, verdict.condition.value), 1)
    yield conditions
    yield from _canaries(served)
    yield _lost(served)
    yield from _identities(served)


def oddities(served: Served) -> dict[str, list[Json]]:
    """In what each target differs from its peers, where it does."""
    found: dict[str, list[Json]] = {}
    for odd in odd_ones(served.inputs.config, served.inputs.targets, served.monitor.identities()):
        field, value, majority = odd.difference
        told = {"service": odd.service, "field": field, "value": value, "majority": majority}
        found.setdefault(odd.target, []).append(told)
    return found


def endpoint_inference(
    offers: Offers | None,
    identity: Identity | None,
    canaries: Canaries | None,
    readings: Readings | None,
) -> Json:
    """What is known of one endpoint's server; None where its kind of probe sees none."""
    return {
        "offers": asdict(offers) if offers else None,
        "identity": asdict(identity) if identity else None,
        "canaries": {
            "sent": canaries.sent,
            "answered": canaries.answered,
            "tokens": canaries.tokens,
            "ttft_seconds": None if canaries.ttft is None else round(canaries.ttft, 6),
        }
        if canaries
        else None,
        "readings": {
            "running": readings.running,
            "waiting": readings.waiting,
            "kv_usage_ratio": readings.kv_usage,
            "shedding": readings.shedding,
            "lost_ratio": round(readings.lost, 3),
        }
        if readings
        else None,
    }


def _canaries(served: Served) -> Iterator[Metric]:
    sent = CounterMetricFamily(
        "resolverd_canaries",
        "Canaries sent, by whether a token came back in time.",
        labels=(*_LABELS, "result"),
    )
    tokens = CounterMetricFamily(
        "resolverd_canary_tokens", "The most tokens that canaries have taken.", labels=_LABELS
    )
    ttft = GaugeMetricFamily(
        "resolverd_canary_ttft_seconds", "Time to the last canary's token.", labels=_LABELS
    )
    for target, counted in served.monitor.canaries().items():
        labels = (_region(served, target), target)
        sent.add_metric((*labels, "token"), counted.answered)
        sent.add_metric((*labels, "none"), counted.sent - counted.answered)
        tokens.add_metric(labels, counted.tokens)
        if counted.ttft is not None:
            ttft.add_metric(labels, counted.ttft)
    yield from (sent, tokens, ttft)


def _lost(served: Served) -> Metric:
    lost = GaugeMetricFamily(
        "resolverd_endpoint_lost_ratio",
        "Share of the endpoint's capacity that is known to serve nobody while the rest does.",
        labels=_LABELS,
    )
    for target, readings in served.monitor.readings().items():
        lost.add_metric((_region(served, target), target), readings.lost)
    return lost


def _identities(served: Served) -> Iterator[Metric]:
    known = InfoMetricFamily(
        "resolverd_endpoint_identity", "Who the endpoint's server says it is.", labels=_LABELS
    )
    identities = served.monitor.identities()
    for target, identity in identities.items():
        told = {
            "model": identity.models[0] if identity.models else "",
            "root": identity.root,
            "max_model_len": str(identity.max_model_len or ""),
            "version": identity.version,
            "fingerprint": identity.fingerprint,
        }
        known.add_metric((_region(served, target), target), told)
    yield known
    differs = GaugeMetricFamily(
        "resolverd_endpoint_differs",
        "1 for each field in which the endpoint's server differs from most of the service's.",
        labels=("service", *_LABELS, "field"),
    )
    for odd in odd_ones(served.inputs.config, served.inputs.targets, identities):
        labels = (odd.service, _region(served, odd.target), odd.target, odd.difference.field)
        differs.add_metric(labels, 1)
    yield differs


def _region(served: Served, target: str) -> str:
    found = served.inputs.targets.by_id.get(target)
    return found.region if found else ""
