"""A format made of a mapping in the configuration, for any page in Prometheus' format.

``load = { running = "my_running", waiting = 'my_queue{kind="all"}', kv_usage_percent = "my_kv" }``
"""

from __future__ import annotations

from collections.abc import Mapping

from resolverd.config.load_mapping import parse_metric
from resolverd.health.load_pages.formats import Format, Metric


def format_of(mapping: Mapping[str, str]) -> Format | None:
    """The format that a valid mapping makes; None of an empty one."""
    if not mapping:
        return None

    def metric(key: str, *, mean: bool = False, scale: float = 1.0) -> Metric | None:
        if key not in mapping:
            return None
        name, labels = parse_metric(mapping[key])
        return Metric((name,), mean=mean, labels=labels, scale=scale)

    tokens, work = metric("tokens"), metric("work")
    return Format(
        "mapping",
        (),
        running=metric("running"),
        waiting=metric("waiting"),
        kv_usage=metric("kv_usage", mean=True) or metric("kv_usage_percent", mean=True, scale=0.01),
        tokens=(tokens,) if tokens else (),
        work=(work,) if work else (),
    )
