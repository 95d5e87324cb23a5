"""Whether anything can be kept for the next start, as a metric and in words."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.kept.directory import NOT_SET


def kept_troubles(served: Served) -> list[str]:
    """What somebody should look at, in words: kept files that are served, state that is not kept.

    An empty `server.state` is the operator's choice, and none of these.
    """
    trouble = served.state.trouble
    found = [served.reloads.kept] if served.reloads.kept else []
    if trouble and trouble != NOT_SET:
        found.append(f"nothing can be kept for a restart: {trouble}")
    return found


def kept_metrics(served: Served) -> Iterator[Metric]:
    """Whether anything can be kept."""
    yield GaugeMetricFamily(
        "resolverd_state_writable",
        "0 where server.state is empty or cannot be written.",
        value=float(not served.state.trouble),
    )
