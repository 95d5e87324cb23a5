"""The daemon itself: what runs, the log, the admin API, and tasks that fail."""

from __future__ import annotations

import platform

from resolverd import __version__, log
from resolverd.admin.metrics.family import Samples, counter, gauge, info
from resolverd.admin.metrics.values import Values


@gauge("resolverd_start_timestamp_seconds", "When the daemon started.")
def started(values: Values) -> Samples:
    yield (), values.served.started


@info("resolverd_build_info", "What runs.", labels=("version", "python"))
def build(_values: Values) -> Samples:
    yield (__version__, platform.python_version()), 1


@info(
    "resolverd_engine_info",
    "What answers queries: native or reference, in how many threads or processes.",
    labels=("engine", "workers", "client_map"),
)
def engine(values: Values) -> Samples:
    running = values.served.engine
    yield (running.name, str(running.workers), values.served.snapshot.plan.map_kind), 1


@gauge("resolverd_anycast_configured", "1 while [anycast] has addresses to announce, else 0.")
def anycast_configured(values: Values) -> Samples:
    yield (), float(bool(values.served.inputs.config.anycast.addresses))


@counter(
    "resolverd_log_dropped_total",
    "Log events that were dropped because they could not be written.",
)
def log_dropped(_values: Values) -> Samples:
    yield (), log.dropped()


@counter(
    "resolverd_admin_closed_total",
    "Connections to the admin API that met a limit: connections (the longest idle one made room), "
    "refused (all were being answered), request (not whole within 10 s), response (nothing of it "
    "taken for 30 s, or not all within 10 min).",
    labels=("limit",),
    absent="until there is one",
)
def admin_closed(values: Values) -> Samples:
    for limit, connections in values.served.admin_closed.items():
        yield (limit,), connections


@counter(
    "resolverd_task_restarts_total",
    "How often a task beside the answers has failed and was begun again.",
    labels=("task",),
)
def task_restarts(values: Values) -> Samples:
    for task, restarts in values.served.tasks.restarts().items():
        yield (task,), restarts.total


@gauge(
    "resolverd_task_failing",
    "1 while a task keeps failing: three times in a row, and not well for a minute since; else 0.",
    labels=("task",),
)
def task_failing(values: Values) -> Samples:
    for task, restarts in values.served.tasks.restarts().items():
        yield (task,), float(restarts.keeps_failing(values.now))
