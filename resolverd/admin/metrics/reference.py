"""The table of metrics on the operations page, made from their declarations by `make docs`."""

from __future__ import annotations

from collections.abc import Iterable

from resolverd.admin.metrics.family import Family
from resolverd.admin.metrics.registry import EVERY


def table(families: Iterable[Family] = EVERY) -> str:
    """One row for each metric, and one for those of the process."""
    rows = (
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} "
        f"| {_escaped(metric.text)} |"
        for metric in families
    )
    return "\n".join(
        (
            "| metric | type | labels | meaning |",
            "| --- | --- | --- | --- |",
            *rows,
            "| `process_*` | | | CPU, memory and files of the main process, as Prometheus' clients "
            "name them. |",
        )
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
