"""What is kept for the next start, as metrics and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from resolverd.admin.served import Served
from resolverd.kept.directory import NOT_SET


def kept_of(served: Served) -> dict[str, Any]:
    """How a restart would go; None where there is nothing to say.

    `serving` is why kept files are served, `adopted_at` of when a start would have files to fall
    back on, and `trouble` why nothing can be kept.
    """
    reloads = served.reloads
    return {
        "serving": reloads.kept or None,
        "adopted_at": reloads.restart or None,
        "trouble": served.state.trouble or None,
        "restart": restart_words(served),
    }


def restart_words(served: Served) -> str | None:
    """What a restart would serve while files on disk are refused; None while none are."""
    reloads = served.reloads
    if reloads.successful:
        return None
    if reloads.restart:
        return (
            "a restart would not come up with the files on disk, and would serve those adopted at "
            f"{reloads.restart}"
        )
    return "a restart would not come up with the files on disk, and no others are kept"


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
    """Whether kept files are served, and whether anything can be kept."""
    yield GaugeMetricFamily(
        "resolverd_kept_files_served",
        "1 while files adopted earlier are served, as those on disk were refused at the start.",
        value=float(bool(served.reloads.kept)),
    )
    yield GaugeMetricFamily(
        "resolverd_state_writable",
        "0 where server.state is empty or cannot be written.",
        value=float(not served.state.trouble),
    )
