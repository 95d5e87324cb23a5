"""Metrics as Prometheus reads them: names begin with resolverd_, units are base units.

Nothing is kept here: every scrape is made from the counts and verdicts of the moment, all
worker processes together, so a metric can never disagree with what is served.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from resolverd import __version__
from resolverd.admin.alerting import alerting_metrics
from resolverd.admin.connections import connection_metrics
from resolverd.admin.inference import inference_metrics
from resolverd.admin.kept import kept_metrics
from resolverd.admin.load import load_metrics
from resolverd.admin.own import own_metrics
from resolverd.admin.served import Served
from resolverd.admin.zones import zone_metrics
from resolverd.dns.codes import RCODE_NAMES, TYPE_NAMES
from resolverd.engine.counters import TTL_BOUNDS, Counters
from resolverd.health.verdict import State, Verdict
from resolverd.snapshot.model import JudgedRegion, Plan
from resolverd.snapshot.regions import judge_regions


async def exposition(served: Served, accept: str) -> tuple[bytes, str]:
    """The whole page and its content type, in the format that `accept` asks for.

    Raises EngineError when a worker is gone.
    """
    counted = await served.engine.counters()
    judged = judge_regions(served.snapshot.plan, served.world, time.monotonic())
    families = [
        *traffic(counted),
        *health(served, list(judged.values())),
        *connection_metrics(served, list(judged.values())),
        *inference_metrics(served, list(judged.values())),
        *load_metrics(served.load, served.snapshot.plan),
        *operation(served),
        *kept_metrics(served),
        *own_metrics(served),
        *alerting_metrics(served, list(judged.values())),
    ]
    registry = CollectorRegistry()
    registry.register(_Collected(families))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collected(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def traffic(counted: Counters) -> Iterator[Metric]:
    """What was asked and answered, all workers together."""
    yield _counter(
        "resolverd_queries",
        "Packets received, by transport.",
        ("transport",),
        {(transport,): n for transport, n in counted.received.items()},
    )
    yield _counter(
        "resolverd_responses",
        "Responses, by transport, query type and response code.",
        ("transport", "qtype", "rcode"),
        {(t, _type(q), _rcode(r)): n for (t, q, r), n in counted.responses.items()},
    )
    answers = CounterMetricFamily(
        "resolverd_answers",
        "Answers of services, by region, outcome, and whether it was the client's first choice.",
        labels=("service", "region", "outcome", "choice"),
    )
    for key, n in counted.steered.items():
        first = counted.first_choice[key]
        for choice, share in (("first", first), ("other", n - first)):
            if share:
                answers.add_metric((*key, choice), share)
    yield answers
    yield _ttls(counted)
    yield _labelled(
        "resolverd_pinned_answers", "Answers that a pin decided.", "pin", counted.pinned
    )
    yield _labelled(
        "resolverd_dropped", "Packets that got no response, by reason.", "reason", counted.dropped
    )
    yield _labelled(
        "resolverd_malformed", "Queries that got FORMERR, by kind.", "kind", counted.malformed
    )
    yield _counter(
        "resolverd_truncated",
        "Responses that were cut short, with TC.",
        (),
        {(): counted.truncated},
    )
    yield _labelled(
        "resolverd_failed",
        "Queries that met a defect and got SERVFAIL, by exception.",
        "exception",
        counted.failed,
    )
    yield _labelled(
        "resolverd_send_errors",
        "Responses that could not be sent, by error.",
        "error",
        counted.send_errors,
    )
    yield _labelled(
        "resolverd_tcp_closed",
        "TCP connections closed at once or early, by limit.",
        "limit",
        counted.tcp_refused,
    )


def health(served: Served, judged: Sequence[JudgedRegion]) -> Iterator[Metric]:
    """What is known of endpoints and regions, and how it came to be known."""
    regions = GaugeMetricFamily(
        "resolverd_region_state",
        "1 for the state that the region is in, overrides included.",
        labels=("region", "state"),
    )
    endpoints = GaugeMetricFamily(
        "resolverd_endpoint_state",
        "1 for the state that the endpoint is in, overrides included.",
        labels=("region", "endpoint", "state"),
    )
    held = GaugeMetricFamily(
        "resolverd_endpoint_held",
        "1 while flap damping alone keeps an endpoint down, else 0.",
        labels=("region", "endpoint"),
    )
    for region in judged:
        _states(regions, (region.name,), region.verdict)
        for id_, verdict in region.endpoints.items():
            _states(endpoints, (region.region, id_), verdict)
            held.add_metric((region.region, id_), float(verdict.held_until is not None))
    yield regions
    yield endpoints
    yield held
    region_of = {t.id: t.region for t in served.inputs.targets.by_id.values()}
    changes = served.changes
    yield _counter(
        "resolverd_region_transitions",
        "Changes of a region's state, by the state entered.",
        ("region", "state"),
        changes.regions,
    )
    yield _counter(
        "resolverd_endpoint_transitions",
        "Changes of an endpoint's measured state, by the state entered.",
        ("region", "endpoint", "state"),
        {(region_of[t], t, s): n for (t, s), n in changes.endpoints.items() if t in region_of},
    )
    yield from _probes(served, region_of)
    overrides = GaugeMetricFamily(
        "resolverd_override", "1 for each override in force.", labels=("target", "kind")
    )
    for key, override in served.overrides.active(time.monotonic()).items():
        overrides.add_metric((key, override.kind.value), 1)
    yield overrides
    yield _open(served)
    names = served.names
    yield _counter(
        "resolverd_hostname_lookups",
        "Lookups of endpoints' hostnames, by result.",
        ("hostname", "result"),
        {(name, "ok"): entry.refreshes - entry.failures for name, entry in names.items()}
        | {(name, "failed"): entry.failures for name, entry in names.items()},
    )
    yield _labelled(
        "resolverd_hostname_refused_addresses",
        "Addresses of endpoints' hostnames that lead nowhere and were not taken.",
        "hostname",
        {name: entry.refused for name, entry in names.items()},
    )
    yield _gauge(
        "resolverd_edge_doubt",
        "1 while nothing is heard from any region, so that this host is taken to be at fault.",
        float(served.monitor.isolation.isolated),
    )


def _open(served: Served) -> Metric:
    hours = GaugeMetricFamily(
        "resolverd_region_open",
        "1 within a region's hours of service, 0 outside; only regions that have hours.",
        labels=("region",),
    )
    for region, shift in served.world.shifts.items():
        hours.add_metric((region,), float(shift.open))
    return hours


def operation(served: Served) -> Iterator[Metric]:
    """The daemon itself: generations, reloads, what it is and what it was made from."""
    plan, steering = served.snapshot
    reloads = served.reloads
    yield _gauge("resolverd_plan_generation", "Generation of the Plan served.", plan.generation)
    yield _gauge(
        "resolverd_steering_generation", "Generation of the Steering served.", steering.generation
    )
    yield _counter(
        "resolverd_reloads",
        "Attempts to adopt an edit, by result.",
        ("result",),
        {
            ("adopted",): reloads.adopted,
            ("refused",): reloads.refused,
            ("held",): reloads.held,
        },
    )
    yield _gauge(
        "resolverd_last_reload_successful",
        "0 while the files say something that was refused or is held.",
        float(reloads.successful),
    )
    yield _gauge(
        "resolverd_last_reload_timestamp_seconds", "When an edit was last tried.", reloads.at
    )
    yield _gauge(
        "resolverd_serving_kept_files",
        "1 while kept files are served, as those on disk were refused at the start.",
        float(bool(reloads.kept)),
    )
    yield _gauge("resolverd_start_timestamp_seconds", "When the daemon started.", served.started)
    yield _info(
        "resolverd_engine",
        "What answers queries.",
        {
            "engine": served.engine.name,
            "workers": str(served.engine.workers),
            "client_map": plan.map_kind,
        },
    )
    yield _info(
        "resolverd_build",
        "What runs.",
        {"version": __version__, "python": platform.python_version()},
    )
    yield from zone_metrics(served)
    yield _geo(served)
    yield from _maps(plan)


def _maps(plan: Plan) -> Iterator[Metric]:
    sizes = {name: each.clients.size for name, each in plan.services.items()}
    for name, text, of in (
        ("networks", "Networks that a service's compiled client map tells apart.", 0),
        ("lists", "Distinct preference lists, with their pins, of a compiled client map.", 1),
        ("bytes", "Memory of a compiled client map; services of one geography share it.", 2),
    ):
        gauge = GaugeMetricFamily(f"resolverd_client_map_{name}", text, labels=("service",))
        for service, size in sizes.items():
            if size is not None:
                gauge.add_metric((service,), size[of])
        yield gauge


def _geo(served: Served) -> Metric:
    built = GaugeMetricFamily(
        "resolverd_geo_database_built_timestamp_seconds",
        "When each geographic database was made; its age is time() minus this.",
        labels=("file", "type"),
    )
    locator = served.inputs.locator
    for told, database in zip(locator.describe(), locator.databases, strict=True):
        labels = (str(told["file"]), str(told["type"]))
        built.add_metric(labels, database.metadata.build_epoch)
    return built


def _probes(served: Served, region_of: dict[str, str]) -> Iterator[Metric]:
    labels = ("region", "endpoint")
    ended = CounterMetricFamily(
        "resolverd_probes",
        "Probes, by result; overtaken ones were cancelled when a later one had an outcome, "
        "failed_late ones failed after a later one had succeeded.",
        labels=(*labels, "result"),
    )
    duration = SummaryMetricFamily(
        "resolverd_probe_duration_seconds", "How long probes took.", labels=labels
    )
    last = GaugeMetricFamily(
        "resolverd_probe_last_duration_seconds", "How long the last probe took.", labels=labels
    )
    for id_, counted in served.monitor.counters().items():
        key = (region_of.get(id_, ""), id_)
        ended.add_metric((*key, "ok"), counted.probes - counted.failures)
        ended.add_metric((*key, "failed"), counted.failures - counted.superseded_failures)
        ended.add_metric((*key, "failed_late"), counted.superseded_failures)
        ended.add_metric((*key, "overtaken"), counted.overtaken)
        duration.add_metric(key, counted.probes, counted.latency_sum)
        if not math.isnan(counted.latency):
            last.add_metric(key, counted.latency)
    yield from (ended, duration, last)


def _ttls(counted: Counters) -> Metric:
    family = HistogramMetricFamily(
        "resolverd_answer_ttl_seconds", "TTLs given in answers of services.", labels=("service",)
    )
    bounds = [*map(float, TTL_BOUNDS), math.inf]
    for service in counted.ttl_sums:
        total, buckets = 0, []
        for index, bound in enumerate(bounds):
            total += counted.ttls[(service, index)]
            buckets.append(("+Inf" if math.isinf(bound) else str(bound), total))
        family.add_metric((service,), buckets, counted.ttl_sums[service])
    return family


def _states(family: GaugeMetricFamily, labels: tuple[str, ...], verdict: Verdict) -> None:
    for state in State:
        family.add_metric((*labels, state.value), float(verdict.state is state))


def _type(qtype: int) -> str:
    return TYPE_NAMES.get(qtype, "none" if qtype == 0 else "other")


def _rcode(rcode: int) -> str:
    return RCODE_NAMES.get(rcode, str(rcode))


def _labelled(name: str, doc: str, label: str, counts: Mapping[str, int]) -> Metric:
    return _counter(name, doc, (label,), {(value,): n for value, n in counts.items()})


def _counter(name: str, doc: str, labels: Sequence[str], counts: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(name, doc, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _gauge(name: str, doc: str, value: float) -> Metric:
    return GaugeMetricFamily(name, doc, value=value)


def _info(name: str, doc: str, value: dict[str, str]) -> Metric:
    return InfoMetricFamily(name, doc, value=value)
