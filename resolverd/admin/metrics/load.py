"""How full the regions are, what they send on, and what their clients get."""

from __future__ import annotations

from collections.abc import Callable

from resolverd.admin.metrics.family import Samples, counter, gauge
from resolverd.admin.metrics.values import SERVICE_REGION, Values
from resolverd.load.weighing import Unevenness
from resolverd.policy.alerts import Figures

_UNKNOWN = "while nothing is known of it"


@gauge(
    "resolverd_region_saturation",
    "How full the region is by its service's queue_target and kv_target; 1 is just full.",
    labels=SERVICE_REGION,
    absent="while it is unknown",
)
def saturations(values: Values) -> Samples:
    return values.served.load.saturations().items()


@gauge(
    "resolverd_spill_ratio",
    "Share of its clients that the region sends on, from 0 to 1.",
    labels=SERVICE_REGION,
)
def spill_ratio(values: Values) -> Samples:
    for key, share in values.shares.items():
        yield key, share.spill_ratio


@gauge(
    "resolverd_spill_accept_ratio",
    "Share of others' clients up to which the region takes those that they send on.",
    labels=SERVICE_REGION,
)
def accepted(values: Values) -> Samples:
    for key, share in values.shares.items():
        yield key, share.accept_ratio


_WEIGHED = "where blocks are not weighed, and while no query of them is known"


@gauge(
    "resolverd_block_largest_ratio",
    "Share of the queries of the region's clients that come from the largest block.",
    labels=SERVICE_REGION,
    absent=_WEIGHED,
)
def largest_blocks(values: Values) -> Samples:
    return _blocks(values, lambda unevenness: unevenness.largest)


@gauge(
    "resolverd_blocks_heavy",
    "Blocks with at least 0.5 % of the queries of the region's clients.",
    labels=SERVICE_REGION,
    absent=_WEIGHED,
)
def heavy_blocks(values: Values) -> Samples:
    return _blocks(values, lambda unevenness: unevenness.heavy)


@gauge(
    "resolverd_blocks_placed",
    "Blocks with a position of their own, by which the region sends them on or keeps them.",
    labels=SERVICE_REGION,
    absent=_WEIGHED,
)
def placed_blocks(values: Values) -> Samples:
    return _blocks(values, lambda unevenness: unevenness.placed)


@gauge(
    "resolverd_region_queue_seconds",
    "How long a request is expected to wait in the region, where policy ttft counts it.",
    labels=SERVICE_REGION,
    absent="while it is unknown",
)
def queues(values: Values) -> Samples:
    for key, (cost, _) in values.served.load.costs().items():
        if cost.queue is not None:
            yield key, cost.queue / 1000


@gauge(
    "resolverd_region_max_requests_per_second",
    "The most requests a second that the region was seen to finish, where policy ttft counts them.",
    labels=SERVICE_REGION,
    absent="while it is unknown",
)
def max_rates(values: Values) -> Samples:
    for key, (_, flow) in values.served.load.costs().items():
        if flow is not None and flow.max_rate:
            yield key, flow.max_rate


@counter(
    "resolverd_spill_episodes_total",
    "How often the region began to send clients on.",
    labels=SERVICE_REGION,
)
def episodes(values: Values) -> Samples:
    for key in values.shares:
        yield key, values.served.load.spilling.episodes[key]


@gauge(
    "resolverd_alert",
    "1 while the alert on what the region's clients get fires, 0 while all is well.",
    labels=("region", "alert"),
    absent=_UNKNOWN,
)
def alerts(values: Values) -> Samples:
    for region, states in values.served.load.alerting.states.items():
        for alert, state in states.items():
            if state.firing is not None:
                yield (region, alert), float(state.firing)


@gauge(
    "resolverd_region_ttft_seconds",
    "Time to first token in the region, over the window of its alerts.",
    labels=("region", "quantile"),
    absent=_UNKNOWN,
)
def ttft(values: Values) -> Samples:
    for region, figures in values.served.load.alerting.figures.items():
        for quantile, value in (("0.5", figures.ttft_p50), ("0.99", figures.ttft_p99)):
            if value is not None:
                yield (region, quantile), value


@gauge(
    "resolverd_region_success_ratio",
    "Share of the region's requests that were not answered 5xx, over the window of its alerts.",
    labels=("region",),
    absent=_UNKNOWN,
)
def success(values: Values) -> Samples:
    return _figure(values, lambda figures: figures.success_rate)


@gauge(
    "resolverd_region_gpu_utilization_ratio",
    "Mean utilisation of the region's GPUs, from 0 to 1.",
    labels=("region",),
    absent=_UNKNOWN,
)
def gpus(values: Values) -> Samples:
    return _figure(values, lambda figures: figures.gpu)


@gauge(
    "resolverd_region_failover_ratio",
    "Share of answers of its services that were neither the client's first choice nor sent on by "
    "it, while the region does not serve; else 0.",
    labels=("region",),
    absent=_UNKNOWN,
)
def failover(values: Values) -> Samples:
    return _figure(values, lambda figures: figures.failover_rate)


def _blocks(values: Values, of: Callable[[Unevenness], float]) -> Samples:
    for key, unevenness in values.served.load.weighing.unevenness().items():
        yield key, of(unevenness)


def _figure(values: Values, of: Callable[[Figures], float | None]) -> Samples:
    for region, figures in values.served.load.alerting.figures.items():
        if (value := of(figures)) is not None:
            yield (region,), value
