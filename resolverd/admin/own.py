"""Metrics of what goes on beside the answers: the log, the admin API, tasks that fail."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd import log
from resolverd.admin.served import Served


def own_metrics(served: Served) -> Iterator[Metric]:
    """Events that were dropped, and how often each task was begun again."""
    yield CounterMetricFamily(
        "resolverd_log_dropped",
        "Log events that were dropped because they could not be written.",
        value=log.dropped(),
    )
    closed = CounterMetricFamily(
        "resolverd_admin_closed",
        "Connections to the admin API that met a limit, by limit.",
        labels=("limit",),
    )
    for limit, connections in served.admin_closed.items():
        closed.add_metric((limit,), connections)
    yield closed
    restarts = CounterMetricFamily(
        "resolverd_task_restarts",
        "How often a task beside the answers has failed and was begun again.",
        labels=("task",),
    )
    failing = GaugeMetricFamily(
        "resolverd_task_failing", "1 while a task keeps failing.", labels=("task",)
    )
    now = time.monotonic()
    for name, each in served.tasks.restarts().items():
        restarts.add_metric((name,), each.total)
        failing.add_metric((name,), float(each.keeps_failing(now)))
    yield from (restarts, failing)
