"""What an endpoint lets a probe know: plain values, for the state, `doctor` and the log."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

READABLE = "readable"


class Processes(StrEnum):
    """How many processes answer at one URL, as far as their pages of metrics show it."""

    ONE = "one"
    SEVERAL = "several"
    UNKNOWN = "unknown"


class Offers(NamedTuple):
    """What one endpoint offers to a probe of kind vllm.

    `metrics` is `READABLE`, or why the page cannot be read: ``"HTTP 404"``, ``"HTML"``, ``"more
    than 4 MiB"``. `processes` is how many answer there, `engines` how many engines the page tells
    apart, `models` whether the list of models can be read, `version` the server's own, empty where
    it tells none. `key` is ``"accepted"``, ``"refused"``, ``"unknown"`` until one of both is seen,
    or ``"none"`` where none is sent.
    """

    metrics: str = "not asked yet"
    processes: Processes = Processes.UNKNOWN
    engines: int = 0
    models: bool = False
    version: str = ""
    key: str = "unknown"

    def __str__(self) -> str:
        """In a few words, as they stand in `state` and `doctor`."""
        counted = f"{self.engines} engine{'' if self.engines == 1 else 's'}"
        parts = [
            f"/metrics {self.metrics}",
            f"processes: {self.processes}",
            *([counted] if self.metrics == READABLE else []),
            f"version {self.version}" if self.version else "no version",
            *([] if self.key == "none" else [f"key {self.key}"]),
        ]
        return ", ".join(parts)
